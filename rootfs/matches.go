package rootfs

// Matches returns the paths on the host that the From of a [File] stands for, sorted; of a pattern there may be
// several. It fails when there is none.
func (s Spec) Matches(f File) ([]string, error) { return s.match(f.From) }

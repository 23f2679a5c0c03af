package rootfs

// Matches returns the paths on the host that the From of a [File] names, sorted. A pattern may match
// several. It fails if there are none.
func (s Spec) Matches(f File) ([]string, error) { return s.match(f.From) }

package ldd

// Memory keeps what was read of a sysroot, so that a program which is resolved several times, each time with
// more that it opens, does not have it read again. It is for one program and one sysroot that does not change
// meanwhile, and for one resolution at a time. The zero value is empty.
type Memory struct {
	walker *walker
	files  map[string]*file
}

// of returns what is known of the sysroot, nothing at first. Without a Memory nothing is kept.
func (m *Memory) of(sys FS) (*walker, map[string]*file) {
	if m == nil {
		m = &Memory{}
	}
	if m.walker == nil {
		m.walker, m.files = newWalker(sys), map[string]*file{}
	}
	return m.walker, m.files
}

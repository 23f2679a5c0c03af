package sysroot

import (
	"io/fs"
	"testing"
)

// Opening all files of a large folder does not look at all siblings for each: with a hundred thousand files that would take
// forever.
func TestLargeFolder(t *testing.T) {
	s := &FS{dir: t.TempDir(), tree: &tree{nodes: map[string]*node{"lists": {mode: fs.ModeDir | 0o755}}}}
	for _, name := range []string{"a", "b", "c"} {
		s.nodes["lists"].names = append(s.nodes["lists"].names, name)
		s.nodes["lists/"+name] = &node{name: name, mode: 0o644, size: together/2 + 1}
	}
	if got := s.batch("lists", s.nodes["lists/a"], "lists/a"); len(got) != 1 {
		t.Errorf("%q are fetched together", got)
	}
	s.nodes["lists"] = nil // it is not read again
	if got := s.batch("lists", s.nodes["lists/b"], "lists/b"); len(got) != 1 || got[0] != "/lists/b" {
		t.Errorf("%q are fetched together", got)
	}
}

package sysroot

import (
	"io/fs"
	"testing"
)

// Who opens all files of a large folder does not look at all the others for each: with a hundred thousand that would
// never end.
func TestLargeFolder(t *testing.T) {
	s := &FS{dir: t.TempDir(), tree: &tree{nodes: map[string]*node{"lists": {mode: fs.ModeDir | 0o755}}}}
	for _, name := range []string{"a", "b", "c"} {
		s.nodes["lists"].names = append(s.nodes["lists"].names, name)
		s.nodes["lists/"+name] = &node{name: name, mode: 0o644, size: together/2 + 1}
	}
	if got := s.batch("lists", s.nodes["lists/a"], "lists/a"); len(got) != 1 {
		t.Errorf("%q come together", got)
	}
	s.nodes["lists"] = nil // nobody looks at them again
	if got := s.batch("lists", s.nodes["lists/b"], "lists/b"); len(got) != 1 || got[0] != "/lists/b" {
		t.Errorf("%q come together", got)
	}
}

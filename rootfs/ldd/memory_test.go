package ldd

import (
	"context"
	"io/fs"
	"testing"
)

// countingFS counts what is opened.
type countingFS struct {
	FS
	opened map[string]int
}

func (c countingFS) Open(name string) (fs.File, error) {
	c.opened[name]++
	return c.FS.Open(name)
}

// With a Memory a library is read once, however often the program is resolved, and the closure is the same.
func TestMemory(t *testing.T) {
	need(t, "bash")
	sys := countingFS{DirFS("/"), map[string]int{}}
	memory := &Memory{}
	var closures []*Closure
	for range 3 {
		c, err := Resolve(context.Background(), sys, Program{Path: "/bin/bash", Tries: []string{"libm.so.6"}, Memory: memory}, Env{})
		if err != nil {
			t.Fatal(err)
		}
		closures = append(closures, c)
	}
	if a, b := closures[0].String(), closures[2].String(); a != b {
		t.Errorf("the closure is\n%s\nbefore it was\n%s", b, a)
	}
	libs := 0
	for _, o := range closures[0].Objects[2:] {
		n := sys.opened[relative(o.Real)]
		if libs++; n != 1 {
			t.Errorf("%s was opened %d times", o.Real, n)
		}
	}
	if libs < 2 {
		t.Fatalf("only %d libraries", libs)
	}
}

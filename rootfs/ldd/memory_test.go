package ldd

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// countingFS counts how often each file is opened.
type countingFS struct {
	FS
	opened map[string]int
}

func (c countingFS) Open(name string) (fs.File, error) {
	c.opened[name]++
	return c.FS.Open(name)
}

// With a Memory, a library is read once, however often the program is resolved, and the closure is the same.
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

// otherFileFS has another file at one of the names.
type otherFileFS struct {
	FS
	name, file string
}

func (o otherFileFS) Open(name string) (fs.File, error) {
	if name == o.name {
		return os.Open(o.file)
	}
	return o.FS.Open(name)
}

// A file is parsed once, for any number of file systems and questions. A copy of it is parsed again.
func TestMemoryElsewhere(t *testing.T) {
	need(t, "bash")
	memory := &Memory{}
	p := Program{Path: "/bin/bash", Memory: memory}
	here, err := Resolve(context.Background(), DirFS("/"), p, Env{})
	if err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		for _, list := range memory.parsed.files {
			n += len(list)
		}
		return n
	}
	before := count()
	if before != len(here.Objects) {
		t.Fatalf("%d files were parsed for %d objects", before, len(here.Objects))
	}
	p.Memory = memory.Elsewhere()
	there, err := Verify(context.Background(), DirFS("/"), p, Env{})
	if err != nil {
		t.Fatal(err)
	}
	if err := Compare(context.Background(), here, there); err != nil {
		t.Error(err)
	}
	if n := count(); n != before {
		t.Errorf("%d files were parsed again", n-before)
	}

	content, err := os.ReadFile("/bin/bash")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "bash")
	if err := os.WriteFile(copied, content, 0o755); err != nil {
		t.Fatal(err)
	}
	sys := otherFileFS{DirFS("/"), relative(here.Program().Real), copied}
	p.Memory = memory.Elsewhere()
	if _, err := Verify(context.Background(), sys, p, Env{}); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != before+1 {
		t.Errorf("%d files were parsed, want only the copy", n-before)
	}
}

// Several images may share one Memory concurrently.
func TestMemoryAtOnce(t *testing.T) {
	need(t, "bash")
	var shared Memory
	errs, objects := make(chan error, 1), make(chan int, 1)
	const images = 4
	for range images {
		memory := shared.Elsewhere()
		go func() {
			p := Program{Path: "/bin/bash", Tries: []string{"libm.so.6"}, Memory: memory}
			c, err := Verify(context.Background(), DirFS("/"), p, Env{})
			if err == nil {
				_, err = c.Importers(context.Background(), "dlopen", "iconv_open")
			}
			if err == nil {
				_, err = c.Names(context.Background())
			}
			errs <- err
			objects <- len(c.Objects)
		}()
	}
	want := 0
	for range images {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
		want = <-objects
	}
	read := 0
	for _, list := range shared.parsed.files {
		read += len(list)
	}
	if read != want {
		t.Errorf("%d files were read for %d objects", read, want)
	}
}

package ldd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"
)

// searchChain returns a sysroot with a chain of n libraries, which are in the RPATH of the program. Each has an RPATH of m other
// folders, which come first for all libraries after it. The last library is missing.
func searchChain(loader string, n, m int, folder func(lib, i int) string) memFS {
	rpath := func(lib int) string {
		var dirs []string
		for i := range m {
			dirs = append(dirs, folder(lib, i))
		}
		return strings.Join(dirs, ":")
	}
	sys := sysroot(fakeELF{Needed: []string{"lib0.so"}, Rpath: "/opt"}, memFS{"lib64/ld-linux-x86-64.so.2": loader})
	for lib := range n {
		sys[fmt.Sprintf("opt/lib%d.so", lib)] = string(fakeELF{Needed: []string{fmt.Sprintf("lib%d.so", lib+1)}, Rpath: rpath(lib)}.Bytes())
	}
	return sys
}

// lstatFS counts the questions that it gets.
type lstatFS struct {
	memFS
	lstats map[string]int
}

func (c lstatFS) Lstat(name string) (info fs.FileInfo, err error) {
	c.lstats[name]++
	if strings.HasPrefix(name, "none") { // faster than that of memFS
		name = "none"
	}
	return c.memFS.Lstat(name)
}

// A folder that does not exist is looked for once, whoever names it, and each search path is made once. Otherwise the time and
// the memory for a chain of libraries with long search paths would grow with the square of its length.
func TestHostileSearchPaths(t *testing.T) {
	const n, m = 30, 1500
	for name, loader := range flavours {
		t.Run(name, func(t *testing.T) {
			sys := lstatFS{searchChain(loader, n, m, func(_, i int) string { return fmt.Sprintf("/none/%d", i) }), map[string]int{}}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c, err := resolveIn(sys)
			runtime.ReadMemStats(&after)
			var missing *NotFoundError
			if !errors.As(err, &missing) || missing.Soname != fmt.Sprintf("lib%d.so", n) || len(c.Objects) != n+2 {
				t.Fatalf("got %.300v", err)
			}
			if len(missing.Searched) > 101 || len(err.Error()) > 10_000 {
				t.Errorf("the error has %d places and %d bytes", len(missing.Searched), len(err.Error()))
			}
			for name, times := range sys.lstats {
				if times > 1 {
					t.Errorf("the file system was asked %d times for %q", times, name)
				}
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 500*n*m {
				t.Errorf("%d bytes were allocated for %d folders in search paths", took, n*m)
			}
		})
	}
}

// The steps of all searches are limited: a folder that exists takes a step for each library that is not in it.
func TestHostileSearchSteps(t *testing.T) {
	for name, loader := range flavours {
		t.Run(name, func(t *testing.T) {
			sys := searchChain(loader, 20, 20, func(_, i int) string { return fmt.Sprintf("/there/%d", i) })
			for i := range 20 {
				sys[fmt.Sprintf("there/%d/x", i)] = ""
			}
			sys["opt/lib20.so"] = string(fakeELF{}.Bytes())
			p := Program{Path: "/bin/prog", Tries: []string{"lib21.so"}}
			run := func(steps int) (left int, err error) {
				r, err := newProcess(context.Background(), sys, p, Env{})
				if err != nil {
					t.Fatal(err)
				}
				r.searches = newSearches(steps)
				q := r.fork()
				err = q.run(q.linker(nil, nil), p)
				return r.searches.left, err
			}
			// A chain of 20 looks for half of 20 libraries in 20 times 20 folders.
			left, err := run(10_000)
			if took := 10_000 - left; err != nil || took < 4000 || took > 6000 {
				t.Errorf("it took %d steps, %v", took, err)
			}
			for _, steps := range []int{1000, 3000, 10_000 - left - 1} {
				if _, err := run(steps); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("more than %d steps\nfix: ", steps)) {
					t.Errorf("after %d steps got %v", steps, err)
				}
			}
		})
	}
}

// The names that a closure is asked for have steps of their own, and Names says when there are none left.
func TestHostileAskedSteps(t *testing.T) {
	for name, loader := range flavours {
		t.Run(name, func(t *testing.T) {
			sys := sysroot(fakeELF{Needed: []string{"libc.so.6"}}, memFS{"lib64/ld-linux-x86-64.so.2": loader})
			c, err := resolveIn(sys)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Names(context.Background()); err != nil {
				t.Fatal(err)
			}
			c.searches.left = 1
			if path, real := c.Find("libnone.so", c.Program()); path != "" || real != "" {
				t.Errorf("found %q, %q", path, real)
			}
			if _, err := c.Names(context.Background()); err == nil || !strings.Contains(err.Error(), "too many folders") {
				t.Errorf("got %v", err)
			}
		})
	}
}

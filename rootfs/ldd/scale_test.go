//go:build linux

package ldd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The time per object does not grow with the number of objects. Absolute times are printed for people to judge.
// The test compares processor time, which does not depend on the load of the machine.
func TestScale(t *testing.T) {
	sizes := []int{50, 100, 200, 400}
	roots := map[int]string{}
	for _, n := range sizes {
		roots[n] = chain(t, n)
	}
	var ratio float64
	for range 3 { // a busy machine has cold caches
		best := map[int]time.Duration{}
		for range 10 { // alternating, so that all run under the same conditions
			for _, n := range sizes {
				took := resolveTime(t, Program{Path: "/bin/prog"}, roots[n], n+2)
				if best[n] == 0 || took < best[n] {
					best[n] = took
				}
			}
		}
		perObject := func(n int) float64 { return float64(best[n].Nanoseconds()) / float64(n) / 1e3 }
		for _, n := range sizes {
			t.Logf("chain of %d libraries: %.1f ms, %.1f µs per object", n, best[n].Seconds()*1e3, perObject(n))
		}
		t.Logf("closure of 200 libraries: %.1f ms", best[200].Seconds()*1e3)
		if ratio = perObject(400) / perObject(100); ratio <= 3 {
			break
		}
	}
	if ratio > 3 {
		t.Errorf("an object of 400 takes %.1f times as long as one of 100", ratio)
	}
	for _, name := range []string{"ffmpeg", "gdalinfo", "vips"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			t.Fatal(err)
		}
		var least time.Duration
		for range 5 {
			if took := resolveTime(t, Program{Path: path}, "/", 0); least == 0 || took < least {
				least = took
			}
		}
		c, err := Resolve(context.Background(), DirFS("/"), Program{Path: path}, Env{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("closure of %s, %d objects: %.1f ms", name, len(c.Objects), least.Seconds()*1e3)
	}
}

// resolveTime returns the processor time of one resolution and checks the number of objects.
func resolveTime(t *testing.T, p Program, root string, objects int) time.Duration {
	t.Helper()
	began := processorTime(t)
	c, err := Resolve(context.Background(), DirFS(root), p, Env{})
	took := processorTime(t) - began
	if err != nil || objects > 0 && len(c.Objects) != objects {
		t.Fatalf("%v: %v", c, err)
	}
	return max(took, 1)
}

// processorTime returns the time that the process has used so far, in the kernel and outside of it.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The time to try a plugin does not grow with the square of the number of those before it.
func TestScaleTries(t *testing.T) {
	root := t.TempDir()
	const few, many = 250, 4000
	files := map[string][]byte{
		"lib64/ld-linux-x86-64.so.2": fakeLoader,
		"bin/prog":                   fakeELF{Interp: "/lib64/ld-linux-x86-64.so.2"}.Bytes(),
	}
	var tries []string
	for i := range many {
		tries = append(tries, fmt.Sprintf("/plugins/%d.so", i))
		files[tries[i][1:]] = fakeELF{}.Bytes()
	}
	for name, data := range files {
		name = filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, data, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	var ratio float64
	for range 3 { // a busy machine has cold caches
		perTry := func(n int) float64 {
			return resolveTime(t, Program{Path: "/bin/prog", Tries: tries[:n]}, root, n+2).Seconds() / float64(n) * 1e6
		}
		fewer, more := perTry(few), perTry(many)
		t.Logf("%.1f µs for each of %d tries, %.1f µs for each of %d", fewer, few, more, many)
		if ratio = more / fewer; ratio <= 8 {
			return
		}
	}
	t.Errorf("one of %d tries takes %.1f times as long as one of %d", many, ratio, few)
}

//go:build linux && amd64

package ldd

import (
	"bytes"
	"context"
	"debug/elf"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A program for another machine is resolved in its compiler's sysroot, though it is not inside.
func TestCrossSysroot(t *testing.T) {
	const sysroot = "/usr/aarch64-linux-gnu"
	need(t, "aarch64-linux-gnu-gcc")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.c"), []byte("#include <math.h>\nint main(int n, char **v){return pow(n, n);}\n"))
	run(t, dir, "aarch64-linux-gnu-gcc", "-o", "prog", "main.c", "-lm")
	c, err := Verify(context.Background(), DirFS(sysroot), Program{Path: "/prog", File: filepath.Join(dir, "prog")}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Machine != elf.EM_AARCH64 || c.Flavour != Glibc || c.needsConf {
		t.Errorf("%s %s, needs a cache: %t", c.Machine, c.Flavour, c.needsConf)
	}
	for _, name := range []string{c.Loader, "libm.so.6", "libc.so.6", libgcc} {
		if o, ok := c.Lookup(name); !ok || !strings.HasPrefix(o.Real, "/lib/") {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if !bytes.Contains(c.cacheFile(), []byte("libm.so.6")) {
		t.Error("the cache does not list libm")
	}
}

// A program of a cross compiler, with its own library, resolves to what its loader finds in the compiler's
// sysroot, run by the emulator.
func TestCrossOracle(t *testing.T) {
	const sysroot, compiler, emulator = "/usr/aarch64-linux-gnu", "aarch64-linux-gnu-gcc", "qemu-aarch64-static"
	need(t, compiler, emulator)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.c"), []byte("#include <math.h>\ndouble a(double x){return cos(x);}\n"))
	write(t, filepath.Join(dir, "main.c"), []byte(`#include <dlfcn.h>
		#include <pthread.h>
		double a(double);
		static void *run(void *p) { return p; }
		int main(void) { pthread_t t; return pthread_create(&t, 0, run, 0) + (int)a(1) + !dlopen("libgcc_s.so.1", RTLD_NOW); }
	`))
	for _, args := range [][]string{
		{"-o", "lib/liba.so.1", "a.c", "-shared", "-fPIC", "-Wl,-soname,liba.so.1", "-lm"},
		{"-o", "prog", "main.c", "-Llib", "-l:liba.so.1", "-Wl,-rpath,$ORIGIN/lib", "-pthread", "-Wl,--no-as-needed", "-lm", "-lresolv"},
	} {
		write(t, filepath.Join(dir, "lib/x"), nil)
		run(t, dir, compiler, args...)
	}
	prog := filepath.Join(dir, "prog")
	// The emulator searches the sysroot first, then the machine.
	sys := overlay{DirFS(sysroot), DirFS("/")}
	c, err := Verify(context.Background(), sys, Program{Path: prog}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(emulator, "-L", sysroot, "-E", "LD_TRACE_LOADED_OBJECTS=1", prog).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, want := traced(c, nil), parseTrace(c, string(out)); !slices.Equal(got, want) || len(got) < 4 {
		t.Errorf("got\n  %s\nthe loader\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	importers, err := c.Importers(context.Background(), "dlopen")
	if err != nil || len(importers["dlopen"]) == 0 {
		t.Errorf("importers %v, %v", importers, err)
	}
}

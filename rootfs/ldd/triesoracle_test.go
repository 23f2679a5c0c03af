//go:build linux && amd64

package ldd

import (
	"context"
	"debug/elf"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// opener opens the libraries that its arguments name, one after the other. It prints those that fail and what
// is loaded at the end.
const opener = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
static int show(struct dl_phdr_info *i, size_t n, void *p) { printf("loaded %s\n", i->dlpi_name); return 0; }
int main(int n, char **v) {
	for (int i = 1; i < n; i++)
		if (!dlopen(v[i], RTLD_LAZY)) printf("left %s\n", v[i]);
	dl_iterate_phdr(show, 0);
	return 0;
}
`

// A real program opens libraries. Those that fail must be left out, and those that are loaded must be in the
// closure.
func TestTriesOracle(t *testing.T) {
	for name, compiler := range map[string]string{"glibc": "gcc", "musl": "musl-gcc"} {
		t.Run(name, func(t *testing.T) {
			need(t, compiler)
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "main.c"), []byte(opener))
			for path, m := range map[string]fakeELF{
				"lib/good.so":               {Needed: []string{"libdep.so"}, Soname: "good.so.1"},
				"lib/libdep.so":             {},
				"lib/lacks.so":              {Needed: []string{"libpart.so", "libnone.so"}},
				"lib/libpart.so":            {},
				"lib/wantspart.so":          {Needed: []string{"libpart.so"}},
				"lib/closed.so":             {Flags1: uint64(elf.DF_1_NOOPEN)},
				"lib/byclosed.so":           {Needed: []string{"closed.so"}},
				"lib/pie.so":                {Flags1: pieFlag},
				"lib/other.so":              {Needed: []string{"libprivate.so"}, Runpath: "$ORIGIN/private"},
				"lib/private/libprivate.so": {Needed: []string{"libdeep.so"}},
				"lib/private/libdeep.so":    {},
				"plug/abs.so":               {Needed: []string{"libdep.so"}},
				"cwd/rel.so":                {},
			} {
				write(t, filepath.Join(dir, path), m.Bytes())
			}
			write(t, filepath.Join(dir, "lib/text.so"), []byte(strings.Repeat("this is a linker script ", 9)))
			run(t, dir, compiler, "-o", "prog", "main.c", "-Wl,-rpath,"+dir+"/lib", "-Wl,--disable-new-dtags", "-ldl")
			tries := []string{
				"nowhere.so", "lacks.so", "good.so", "text.so", "wantspart.so", "good.so.1", "closed.so", "byclosed.so", "other.so",
				dir + "/plug/abs.so", "../cwd/rel.so", "rel.so", dir + "/lib/good.so", "libdep.so",
			}
			if name == "glibc" {
				tries = append(tries, "pie.so", "$ORIGIN/plug/abs.so", "libm.so.6")
			}
			cmd := exec.Command(filepath.Join(dir, "prog"), tries...)
			cmd.Dir, cmd.Env = filepath.Join(dir, "cwd"), []string{}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			c, err := Resolve(context.Background(), DirFS("/"), Program{Path: cmd.Path, Tries: tries}, Env{Workdir: cmd.Dir})
			if err != nil {
				t.Fatal(err)
			}
			got, want := outcome(c), lines(string(out), cmd.Dir)
			if !slices.Equal(got, want) {
				t.Errorf("got\n  %s\nthe program\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		})
	}
}

// outcome returns a closure in the format of the opener.
func outcome(c *Closure) []string {
	var out []string
	for _, l := range c.Left {
		out = append(out, "left "+l.Name)
	}
	for _, o := range c.Objects[1:] {
		if o.Name != libgcc {
			out = append(out, "loaded "+o.Real)
		}
	}
	slices.Sort(out)
	return out
}

// lines returns the output of the opener, with real paths and without the program and the vDSO.
func lines(out, dir string) []string {
	var all []string
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		name, ok := strings.CutPrefix(line, "loaded ")
		if !ok {
			all = append(all, line)
			continue
		}
		if strings.HasPrefix(name, ".") {
			name = filepath.Join(dir, name)
		}
		if real, err := filepath.EvalSymlinks(name); err == nil && name != "" && filepath.Base(real) != "prog" {
			all = append(all, "loaded "+real)
		}
	}
	slices.Sort(all)
	return all
}

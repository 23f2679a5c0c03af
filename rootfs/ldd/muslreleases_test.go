//go:build linux && amd64

package ldd

import (
	"context"
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// musl of another machine and release follows the same rules. Its path file has another name.
func TestHeavyMuslRelease(t *testing.T) {
	r := release{
		debianRoot: debianRoot{"trixie", "arm64", []string{"musl"}}, loader: "/lib/ld-musl-aarch64.so.1",
		machine: elf.EM_AARCH64, class: elf.ELFCLASS64, qemu: "qemu-aarch64-static",
	}
	need(t, r.qemu)
	base := copyTree(t, r.root(t))
	r.installQemu(t, base)
	for name, c := range muslCases {
		if c.fatal != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			root := copyTree(t, base)
			c = c.on(r.machine)
			c.prog.Interp = r.loader
			c.buildIn(t, filepath.Join(root, "t"), "/t")
			at := strings.NewReplacer("{d}", "/t")
			env := Env{LibraryPath: at.Replace(c.env.LibraryPath), Workdir: at.Replace(c.env.Workdir)}
			got, err := Resolve(context.Background(), DirFS(root), Program{Path: "/t/bin/prog"}, env)
			if got == nil || got.Flavour != Musl {
				t.Fatal(err)
			}
			cmd := r.command(root, nil, r.loader, "--list", "/t/bin/prog")
			if env.LibraryPath != "" {
				cmd = r.command(root, []string{"LD_LIBRARY_PATH=" + env.LibraryPath}, r.loader, "--list", "/t/bin/prog")
			}
			cmd.Dir = max(env.Workdir, "/")
			out, _ := cmd.CombinedOutput() // 127 if something is missing
			want := parseTrace(got, string(out))
			for i, line := range want {
				if name, path, ok := strings.Cut(line, " => "); ok && !filepath.IsAbs(path) {
					want[i] = name + " => " + filepath.Join(env.Workdir, path)
				}
			}
			if lines := traced(got, err); !slices.Equal(lines, want) {
				t.Errorf("got\n  %s\nthe loader\n  %s\n%s", strings.Join(lines, "\n  "), strings.Join(want, "\n  "), out)
			}
		})
	}
	t.Run("the default folders", func(t *testing.T) {
		root := copyTree(t, base)
		lib := fakeELF{Machine: r.machine}.Bytes()
		write(t, filepath.Join(root, "usr/local/lib/liba.so"), lib)
		write(t, filepath.Join(root, "usr/lib/liba.so"), lib)
		write(t, filepath.Join(root, "prog"), fakeELF{Machine: r.machine, Interp: r.loader, Needed: []string{"liba.so"}}.Bytes())
		for _, pathFile := range []bool{true, false} {
			if !pathFile {
				if err := os.Remove(filepath.Join(root, "etc/ld-musl-aarch64.path")); err != nil {
					t.Fatal(err)
				}
			}
			got, err := r.resolve(root, "/prog")
			if got == nil {
				t.Fatal(err)
			}
			out, _ := r.command(root, nil, r.loader, "--list", "/prog").CombinedOutput()
			if lines, want := traced(got, err), parseTrace(got, string(out)); !slices.Equal(lines, want) {
				t.Errorf("with a path file: %t: got %q, the loader %q", pathFile, lines, want)
			}
		}
	})
}

// on returns the same case for another machine.
func (c ruleCase) on(m elf.Machine) ruleCase {
	c.prog.Machine = m
	libs := map[string]fakeELF{}
	for name, lib := range c.libs {
		lib.Machine = m
		libs[name] = lib
	}
	c.libs = libs
	return c
}

//go:build linux && amd64

package ldd

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// levels returns the CPU levels that the release's loader names.
func (r release) levels(t *testing.T, root string) []string {
	t.Helper()
	c, err := r.resolve(root, "/usr/bin/openssl")
	if err != nil {
		t.Fatal(err)
	}
	return c.loader.levels
}

// checkVariants puts a variant for each level next to a library in the cache, and compares the result with the
// loader for the levels that this machine has.
func (r release) checkVariants(t *testing.T, root string) {
	t.Helper()
	levels := r.levels(t, root)
	dir := filepath.Join(root, "opt/acme")
	libs, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	lib := libs[len(libs)-1].Name()
	data, err := os.ReadFile(filepath.Join(dir, lib))
	if err != nil {
		t.Fatal(err)
	}
	for _, level := range levels {
		write(t, filepath.Join(dir, hwcapsDir, level, lib), data)
	}
	if err := os.Remove(filepath.Join(root, "etc/ld.so.cache")); err != nil {
		t.Fatal(err)
	}
	p := Program{Path: "/usr/bin/openssl", Interpreter: r.loader, Variants: true}
	c, err := Resolve(context.Background(), DirFS(root), p, Env{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "etc/ld.so.cache"), c.cacheFile())
	checked := []string{}
	for i, at := range c.levels {
		least := len(levels) - 1 - i
		want, err := r.trace(root, at, "--glibc-hwcaps-mask", strings.Join(levels[least:], ":"), p.Path)
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(want, func(s string) bool { return strings.HasSuffix(s, hwcapsDir+levels[least]+"/"+lib) })
		if !found {
			continue // the machine that runs it lacks this level
		}
		checked = append(checked, levels[least])
		if got := traced(at, nil); !slices.Equal(got, want) {
			t.Errorf("%s: got\n  %s\nthe loader\n  %s", levels[least], strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
	t.Logf("of the levels %q the loader has %q", levels, checked)
}

// checkNotes compares systemd's dlopen notes with the names that are found in its files. Each library of a note
// must be among the names or be loaded at the start.
func (r release) checkNotes(t *testing.T, root string) {
	t.Helper()
	c, err := r.resolve(root, "/usr/bin/systemctl")
	if err != nil {
		t.Fatal(err)
	}
	notes, err := c.Notes(context.Background())
	if err != nil || len(notes) < 10 {
		t.Errorf("%d notes, %v", len(notes), err)
	}
	names, err := c.Names(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		if n.Feature == "" || n.Description == "" || n.Priority == "" {
			t.Errorf("note %+v", n)
		}
		for _, soname := range n.Sonames {
			_, loaded := c.Lookup(soname)
			if named := slices.ContainsFunc(names, func(x Named) bool { return x.Name == soname }); !loaded && !named {
				t.Errorf("%s of %s is not among the names", soname, n.By.Path)
			}
		}
	}
	t.Logf("%d notes, %d names", len(notes), len(names))
}

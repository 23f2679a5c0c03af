//go:build linux && amd64

package ldd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGlibcRules(t *testing.T) {
	if _, err := os.Stat(glibcLoader); err != nil {
		skip(t, "glibc's loader is not installed")
	}
	for name, c := range ruleCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.prog.Interp = glibcLoader
			c.check(t)
		})
	}
}

// The rules are the same for the loaders of older and newer releases.
func TestHeavyGlibcRulesOfReleases(t *testing.T) {
	for _, name := range []string{"glibc 2.31", "glibc 2.41"} {
		root := releases[name].root(t)
		loader, _, err := Follow(DirFS(root), glibcLoader)
		if err != nil {
			t.Fatal(err)
		}
		for rule, c := range ruleCases {
			t.Run(name+"/"+rule, func(t *testing.T) {
				t.Parallel()
				c.prog.Interp = filepath.Join(root, loader)
				c.want = nil // the result of this machine's loader
				c.check(t)
			})
		}
	}
}

// check compares Resolve with the expected result and with the real loader.
func (c ruleCase) check(t *testing.T) {
	t.Helper()
	dir := c.build(t)
	at := strings.NewReplacer("{d}", dir).Replace
	env := Env{LibraryPath: at(c.env.LibraryPath), Preload: at(c.env.Preload), Workdir: at(c.env.Workdir)}
	prog := filepath.Join(dir, "bin/prog")
	got, err := Resolve(context.Background(), DirFS("/"), Program{Path: prog}, env)

	flavour, loader := Glibc, c.prog.Interp
	if strings.Contains(loader, "musl") {
		flavour = Musl
	}
	process := inDir(env.Workdir)
	vars := []string{oldCPU}
	if env.LibraryPath != "" {
		vars = append(vars, "LD_LIBRARY_PATH="+env.LibraryPath)
	}
	if env.Preload != "" {
		vars = append(vars, "LD_PRELOAD="+env.Preload)
	}
	want, oracleErr := oracle(t, &Closure{Loader: loader, Flavour: flavour}, prog, process, vars...)
	for i, line := range want {
		if name, path, ok := strings.Cut(line, " => "); ok && !filepath.IsAbs(path) {
			want[i] = name + " => " + filepath.Join(dir, strings.TrimPrefix(env.Workdir, dir), path)
		}
	}
	if c.fatal != "" {
		var refused *LoadError
		if !errors.As(err, &refused) || refused.Path != at(c.fatal) {
			t.Errorf("Resolve: %v, want an error for %s", err, at(c.fatal))
		}
		if oracleErr == nil && !slices.ContainsFunc(want, func(s string) bool { return strings.HasPrefix(s, "missing ") }) {
			t.Errorf("the loader loads %q", want)
		}
		return
	}
	if oracleErr != nil {
		t.Fatalf("the loader: %v", oracleErr)
	}
	if got == nil {
		t.Fatalf("Resolve: %v\nthe loader: %q", err, want)
	}
	if lines := traced(got, err); !slices.Equal(lines, want) {
		t.Errorf("got\n  %s\nthe loader\n  %s", strings.Join(lines, "\n  "), strings.Join(want, "\n  "))
	}
	if c.want != nil {
		expected := strings.Split(at(strings.Join(c.want, "\n")), "\n")
		if !slices.Equal(expected, want) {
			t.Errorf("the test expects\n  %s\nthe loader\n  %s", strings.Join(expected, "\n  "), strings.Join(want, "\n  "))
		}
	}
}

// build makes the tree in a folder of the test.
func (c ruleCase) build(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c.buildIn(t, dir, dir)
	return dir
}

// buildIn makes the tree below dir. In its strings, {d} becomes as.
func (c ruleCase) buildIn(t *testing.T, dir, as string) {
	t.Helper()
	at := strings.NewReplacer("{d}", as)
	write(t, filepath.Join(dir, "bin/prog"), placed(c.prog, at).Bytes())
	for name, m := range c.libs {
		write(t, filepath.Join(dir, name), placed(m, at).Bytes())
	}
	for name, text := range c.texts {
		write(t, filepath.Join(dir, name), []byte(at.Replace(text)))
	}
	for _, name := range c.dirs {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range c.links {
		name = filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err = errors.Join(err, os.Symlink(at.Replace(target), name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, same := range c.hard {
		if err := os.Link(filepath.Join(dir, same), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// placed replaces {d} in all paths.
func placed(m fakeELF, at *strings.Replacer) fakeELF {
	m.Interp, m.Rpath, m.Runpath = at.Replace(m.Interp), at.Replace(m.Rpath), at.Replace(m.Runpath)
	m.Needed = slices.Clone(m.Needed)
	for i := range m.Needed {
		m.Needed[i] = at.Replace(m.Needed[i])
	}
	return m
}

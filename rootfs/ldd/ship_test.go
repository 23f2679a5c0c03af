//go:build linux && amd64

package ldd

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ship makes a root file system of only what a closure names, like an image.
func ship(t *testing.T, c *Closure, root string) {
	t.Helper()
	for _, o := range c.Objects {
		for _, dir := range o.Dirs {
			if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for _, l := range o.Links {
			name := filepath.Join(root, l.Path)
			err := os.MkdirAll(filepath.Dir(name), 0o755)
			if have, e := os.Readlink(name); e == nil && have == l.Target {
				continue // on the path of several objects
			}
			if err = errors.Join(err, os.Symlink(l.Target, name)); err != nil {
				t.Fatal(err)
			}
		}
		body, err := c.Content(o)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size))
		if err = errors.Join(err, body.Close()); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, o.Real), data)
	}
	if name, data, needed := c.LoaderConfig(); needed {
		write(t, filepath.Join(root, name), data)
	}
}

// A closure is complete: in a root of only its files, both Resolve and the real loader find the same content by
// the same names.
func TestShipRules(t *testing.T) {
	for name, c := range ruleCases {
		if c.bound || c.fatal != "" || slices.ContainsFunc(c.want, func(s string) bool { return strings.HasPrefix(s, "missing ") && s != "missing libaux.so" }) {
			continue
		}
		t.Run("glibc: "+name, func(t *testing.T) {
			t.Parallel()
			c.prog.Interp = glibcLoader
			c.ship(t)
		})
	}
	for name, c := range muslCases {
		if c.bound || c.fatal != "" || strings.Contains(strings.Join(c.want, " "), "missing ") {
			continue
		}
		t.Run("musl: "+name, func(t *testing.T) {
			t.Parallel()
			c.prog.Interp = muslLoader
			c.ship(t)
		})
	}
}

func (c ruleCase) ship(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(c.prog.Interp); err != nil {
		skip(t, c.prog.Interp+" is not installed")
	}
	dir := c.build(t)
	at := strings.NewReplacer("{d}", dir).Replace
	env := Env{LibraryPath: at(c.env.LibraryPath), Preload: at(c.env.Preload), Workdir: at(c.env.Workdir)}
	checkShipped(t, Program{Path: filepath.Join(dir, "bin/prog")}, env)
}

func checkShipped(t *testing.T, p Program, env Env) {
	t.Helper()
	ctx := context.Background()
	source, err := Resolve(ctx, DirFS("/"), p, env)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	ship(t, source, root)
	p.File = ""
	image, err := Verify(ctx, DirFS(root), p, env)
	if err != nil {
		t.Fatalf("%v\nin the source:\n%v", err, source)
	}
	if err := Compare(ctx, source, image); err != nil {
		t.Error(err)
	}
	if got, want := traced(image, nil), traced(source, nil); !slices.Equal(got, want) {
		t.Errorf("in the image\n  %s\nin the source\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if err := os.MkdirAll(filepath.Join(root, env.Workdir), 0o755); err != nil {
		t.Fatal(err)
	}
	vars := []string{oldCPU}
	if env.LibraryPath != "" {
		vars = append(vars, "LD_LIBRARY_PATH="+env.LibraryPath)
	}
	if env.Preload != "" {
		vars = append(vars, "LD_PRELOAD="+env.Preload)
	}
	want, err := oracle(t, image, source.Program().Real, inRoot(root, max(env.Workdir, "/")), vars...)
	if err != nil {
		t.Fatalf("the loader in the image: %v", err)
	}
	if len(env.Workdir) > 1 {
		return // the loader prints relative paths as they are
	}
	want = slices.DeleteFunc(want, func(s string) bool { return strings.HasPrefix(s, "missing libaux") })
	got := slices.DeleteFunc(traced(image, nil), func(s string) bool { return strings.HasPrefix(s, "missing libaux") })
	if !slices.Equal(got, want) {
		t.Errorf("in the image\n  %s\nthe loader there\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// Programs of the machine, including those with many libraries, are shipped and resolved in the image.
func TestShipHostPrograms(t *testing.T) {
	shipped := 0
	for _, name := range []string{"git", "ssh", "gdb", "python3", "perl", "openssl", "curl", "ffmpeg", "convert", "psql", "qemu-system-x86_64", "vim", "java"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			t.Fatal(err)
		}
		if !isProgram(path) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			c, err := Resolve(context.Background(), DirFS("/"), Program{Path: path}, Env{})
			if err != nil {
				t.Fatal(err)
			}
			if c.Flavour == Static {
				return
			}
			checkShipped(t, Program{Path: path}, Env{})
			shipped++
		})
	}
	atLeast(t, shipped, 5, "programs")
}

// A compiled program runs in a root of only its closure: with a library that only ld.so.conf leads to, in a
// sysroot where ldconfig was never run, and with threads that end by pthread_exit.
func TestShipAndRun(t *testing.T) {
	need(t, "gcc")
	dir := t.TempDir()
	gcc(t, dir, "opt/acme/libacme.so.1", "int answer(void){return 42;}", "-shared", "-fPIC", "-Wl,-soname,libacme.so.1")
	gcc(t, dir, "prog", `#include <pthread.h>
		int answer(void);
		static void *thread(void *p) { pthread_exit((void *)(long)answer()); }
		int main(void) { pthread_t t; void *v; return pthread_create(&t, 0, thread, 0) || pthread_join(t, &v) ? 1 : (int)(long)v; }`,
		"-Lopt/acme", "-l:libacme.so.1", "-pthread")
	sysroot := overlay{memFS{"etc/ld.so.conf": "/opt/acme\n", "etc/ld.so.cache": "-> gone"}, DirFS(dir), DirFS("/")}
	c, err := Resolve(context.Background(), sysroot, Program{Path: "/srv/prog", File: filepath.Join(dir, "prog")}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	if !c.needsConf {
		t.Errorf("needs no cache?\n%v", c)
	}
	root := t.TempDir()
	ship(t, c, root)
	image, err := Verify(context.Background(), DirFS(root), Program{Path: "/srv/prog"}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	if err := Compare(context.Background(), c, image); err != nil {
		t.Error(err)
	}
	cmd := exec.Command("/srv/prog")
	cmd.Dir, cmd.SysProcAttr = "/", inRoot(root, "/").SysProcAttr
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 42 {
		t.Errorf("%v: %s", err, out)
	}
}

// Audit libraries of DT_AUDIT are loaded into their own namespaces, together with libraries that are also in
// the program's namespace.
func TestShipAudit(t *testing.T) {
	need(t, "gcc")
	dir := t.TempDir()
	gcc(t, dir, "lib/libdep.so", "int dep(void){return 0;}", "-shared", "-fPIC")
	gcc(t, dir, "lib/libaudit.so", `#define _GNU_SOURCE
		#include <link.h>
		#include <unistd.h>
		int dep(void);
		unsigned la_version(unsigned v) { if (write(1, "audited\n", 8) < 0) return 0; return v + dep(); }`,
		"-shared", "-fPIC", "-Llib", "-l:libdep.so", "-Wl,-rpath,$ORIGIN")
	gcc(t, dir, "lib/libdepaudit.so", `#define _GNU_SOURCE
		#include <link.h>
		#include <unistd.h>
		unsigned la_version(unsigned v) { if (write(1, "watched\n", 8) < 0) return 0; return v; }`,
		"-shared", "-fPIC")
	gcc(t, dir, "prog", "int main(void){return 0;}", "-Wl,-rpath,$ORIGIN/lib", "-Wl,--audit=libaudit.so", "-Wl,--depaudit=libnone.so:libdepaudit.so:")
	prog := filepath.Join(dir, "prog")
	c, err := Resolve(context.Background(), DirFS("/"), Program{Path: prog}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	o, ok := c.Lookup("libaudit.so")
	if !ok || o.Opened != "libaudit.so" || !strings.HasPrefix(o.By, "AUDIT of the program") || o.NeededBy != c.Program() {
		t.Errorf("got %+v", o)
	}
	o, ok = c.Lookup("libdepaudit.so")
	if !ok || o.Opened != "libdepaudit.so" || !strings.HasPrefix(o.By, "DEPAUDIT of the program") || o.NeededBy != c.Program() {
		t.Errorf("got %+v", o)
	}
	if len(c.Left) != 1 || c.Left[0].Name != "libnone.so" {
		t.Errorf("left %v", c.Left)
	}
	root := t.TempDir()
	ship(t, c, root)
	if _, err := Verify(context.Background(), DirFS(root), Program{Path: prog}, Env{}); err != nil {
		t.Error(err)
	}
	cmd := exec.Command(prog)
	if os.Getuid() != 0 {
		cmd = exec.Command(c.Loader, prog) // without /proc, which cannot be mounted here, there is no $ORIGIN
	}
	cmd.Dir, cmd.SysProcAttr = "/", inRoot(root, "/").SysProcAttr
	done, err := mountProc(root)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "audited\n") || !strings.HasSuffix(string(out), "watched\n") {
		t.Errorf("%v: %s", err, out)
	}
}

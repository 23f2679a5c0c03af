package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// result is what was found out about a file.
type result struct {
	file    string // the argument
	program ldd.Program
	closure *ldd.Closure         // nil if the file cannot be read as a program
	missing []*ldd.NotFoundError // libraries that were not found
	err     error                // any other problem
}

// bad reports whether the program would not start.
func (r result) bad() bool { return len(r.missing) > 0 || r.err != nil }

func anyBad(results []result) bool {
	for _, r := range results {
		if r.bad() {
			return true
		}
	}
	return false
}

// resolve resolves every file. A file that is not a program gets a result too, so that the others are still
// resolved.
func (o options) resolve(ctx context.Context) ([]result, error) {
	var results []result
	for _, file := range o.files {
		r := result{file: file}
		if r.program, r.err = o.program(file); r.err == nil {
			r.closure, r.err = o.resolveFile(ctx, &r.program)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var missing *ldd.MissingError
		var notFound *ldd.NotFoundError
		switch {
		case errors.As(r.err, &missing):
			r.missing, r.err = missing.Missing, nil
		case errors.As(r.err, &notFound):
			r.missing, r.err = []*ldd.NotFoundError{notFound}, nil
		}
		results = append(results, r)
	}
	return results, nil
}

// loaders are the interpreters of the architectures, because a library does not name its own: glibc's
// (sysdeps/*/shlib-versions) before musl's (arch/*/reloc.h). x32 comes after x86-64, which has the same
// machine.
var loaders = []string{
	"/lib64/ld-linux-x86-64.so.2", "/libx32/ld-linux-x32.so.2", "/lib/ld-linux.so.2",
	"/lib/ld-linux-aarch64.so.1", "/lib/ld-linux-armhf.so.3", "/lib/ld-linux.so.3",
	"/lib/ld-linux-riscv64-lp64d.so.1", "/lib/ld64.so.1", "/lib64/ld64.so.2", "/lib64/ld64.so.1",
	"/lib64/ld-linux-loongarch-lp64d.so.1", "/lib/ld.so.1", "/lib64/ld.so.1",
	"/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-i386.so.1", "/lib/ld-musl-aarch64.so.1", "/lib/ld-musl-armhf.so.1",
	"/lib/ld-musl-riscv64.so.1", "/lib/ld-musl-s390x.so.1", "/lib/ld-musl-powerpc64le.so.1", "/lib/ld-musl-loongarch64.so.1",
}

// resolveFile resolves a program. Like ldd(1), it resolves a library as if it were started by the first loader
// of the root that fits.
func (o options) resolveFile(ctx context.Context, p *ldd.Program) (*ldd.Closure, error) {
	c, err := o.resolveOnce(ctx, *p)
	if err == nil || c != nil {
		return c, err
	}
	for _, loader := range loaders {
		if _, _, notThere := ldd.Follow(o.sys(), loader); notThere != nil {
			continue
		}
		library := *p
		library.Interpreter = loader
		lc, lerr := o.resolveOnce(ctx, library)
		var other *ldd.LoadError
		if errors.As(lerr, &other) && other.Path == loader {
			continue // for another machine
		}
		if lc != nil {
			*p = library
			return lc, lerr
		}
	}
	return nil, err
}

// resolveOnce resolves a program and, with --check, verifies it.
func (o options) resolveOnce(ctx context.Context, p ldd.Program) (*ldd.Closure, error) {
	env := ldd.Env{LibraryPath: o.libraryPath}
	if o.check {
		c, err := ldd.Verify(ctx, o.sys(), p, env)
		if err != nil || o.copy == "" {
			return c, err
		}
	}
	if o.copy != "" { // the copy has no /etc/ld.so.preload
		return ldd.Resolve(ctx, o.sys(), p, env)
	}
	var err error
	if env.PreloadFile, err = ldd.ReadPreload(o.sys()); err != nil {
		return nil, err
	}
	return ldd.Resolve(ctx, o.sys(), p, env)
}

func (o options) sys() ldd.FS { return ldd.DirFS(o.root) }

// program returns the program for a file: by its path in the root, or outside of it.
func (o options) program(file string) (ldd.Program, error) {
	if strings.HasPrefix(file, "/") {
		if _, _, err := ldd.Follow(o.sys(), file); err == nil {
			return ldd.Program{Path: file}, nil
		}
	}
	host, err := filepath.Abs(file)
	if err != nil {
		return ldd.Program{}, err
	}
	root, err := filepath.Abs(o.root)
	if err != nil {
		return ldd.Program{}, err
	}
	if rel, err := filepath.Rel(root, host); err == nil && filepath.IsLocal(rel) {
		return ldd.Program{Path: "/" + filepath.ToSlash(rel)}, nil
	}
	if _, err := os.Stat(host); err != nil {
		return ldd.Program{}, fmt.Errorf("file %q does not exist, neither in %q nor outside of it", file, o.root)
	}
	return ldd.Program{Path: filepath.ToSlash(host), File: host}, nil
}

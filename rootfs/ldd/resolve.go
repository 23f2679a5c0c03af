package ldd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Resolve computes what the program's loader would load if the program were started in the sysroot.
//
// It returns a [MissingError] that lists all missing libraries, together with the closure without them. It
// returns a [LoadError] for a file that the loader rejects, and [ErrNotELF] for a program that is not an ELF
// file. Nothing is executed, and only the sysroot and Program.File are read.
func Resolve(ctx context.Context, sys FS, p Program, env Env) (*Closure, error) {
	c, err := resolve(ctx, sys, p, env)
	if err != nil {
		return c, fmt.Errorf("resolving the libraries of %q: %w", p.Path, err)
	}
	return c, nil
}

// resolve starts the program once and, with variants, once more for every CPU level.
func resolve(ctx context.Context, sys FS, p Program, env Env) (*Closure, error) {
	ready, err := newProcess(ctx, sys, p, env)
	if err != nil {
		return nil, err
	}
	r := ready.fork()
	l := r.linker(nil, nil)
	if err := r.run(l, p); err != nil {
		return nil, err
	}
	r.searches = newSearches(maxSearches)
	r.closure.searches = r.searches
	r.closure.find = func(name string, by *Object) (path, real string) { return r.peek(l, name, by) }
	if len(r.missing) > 0 {
		return r.closure, &MissingError{p.Path, r.missing}
	}
	if p.Variants {
		err = r.addVariants(ready, p)
	}
	r.warn()
	return r.closure, err
}

// linker is the part of a dynamic loader that differs between glibc and musl.
type linker interface {
	// start loads everything that the program needs before it runs.
	start() error
	// open is dlopen by the program. It returns the object, new or already loaded, or nil if there is none.
	open(name string) (*loaded, error)
	// finish loads what the C library opens by itself.
	finish() error
	// search looks for a library that an object asks for; it returns nil if there is none.
	search(name string, by *loaded) (*candidate, error)
}

// linker returns the rules of the program's loader, for a CPU of the given levels, best first. The files in
// excluded count as absent.
func (r *process) linker(cpu []string, excluded map[string]bool) linker {
	switch r.closure.Flavour {
	case Glibc:
		return newGlibc(r, cpu, excluded)
	case Musl:
		return &musl{process: r, lists: map[listKey]*searchPath{}}
	}
	return static{}
}

// run loads all libraries in the order in which a running process would.
func (r *process) run(l linker, p Program) error {
	if err := l.start(); err != nil {
		return err
	}
	r.closure.started = len(r.objects)
	for _, name := range p.Opens {
		r.opening = name
		o, err := l.open(name)
		if err != nil && !errors.Is(err, errStatic) {
			return err
		}
		r.recordEntry(o)
	}
	for _, name := range p.Tries {
		if err := r.try(l, name); err != nil {
			return err
		}
	}
	return l.finish()
}

// try opens an optional library. Like a dlopen that fails, a failed try leaves nothing behind.
func (r *process) try(l linker, name string) error {
	r.closure.tries[name] = true
	r.opening = name
	before := r.mark()
	missing := r.missing
	r.missing = nil
	o, err := l.open(name)
	switch {
	case r.stopped() != nil:
		return r.stopped()
	case err == nil && len(r.missing) > 0:
		err = &MissingError{r.main.Path, r.missing}
	case err == nil && o == nil:
		err = errors.New("the loader drops this name: it is empty, or a token in it has no value")
	case err == nil:
		err = r.checkTry(before.objects)
	}
	r.missing = missing
	if err != nil {
		r.reset(before)
		r.closure.Left = append(r.closure.Left, Left{name, err})
		return nil
	}
	r.recordEntry(o)
	return nil
}

// static is the linker of a program without a loader.
type static struct{}

var errStatic = errors.New("a static program opens no libraries")

func (static) start() error                               { return nil }
func (static) open(string) (*loaded, error)               { return nil, errStatic }
func (static) finish() error                              { return nil }
func (static) search(string, *loaded) (*candidate, error) { return nil, errStatic }

// peek returns the path and the real path that an object would get for a name. It changes nothing.
func (r *process) peek(l linker, name string, by *Object) (path, real string) {
	defer r.reset(r.mark())
	for _, o := range r.objects {
		if o.Object != by {
			continue
		}
		c, err := l.search(name, o)
		if err != nil || c == nil {
			return "", ""
		}
		return r.absolute(c.name), c.real
	}
	return "", ""
}

// isNotFound reports whether an error means that a path does not exist or cannot be reached. Every loader then
// looks in the next folder.
func isNotFound(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, errNotDir)
}

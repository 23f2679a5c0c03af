package ldd

import (
	"context"
	debugelf "debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// newProcess loads the program and its loader, as the kernel does.
func newProcess(ctx context.Context, sys FS, p Program, env Env) (*process, error) {
	if !strings.HasPrefix(p.Path, "/") {
		return nil, errors.New("the program's path is not absolute")
	}
	if env.Workdir == "" {
		env.Workdir = "/"
	}
	r := &process{ctx: ctx, env: env, searches: newSearches(maxSearches), names: map[string]*loaded{}, closure: &Closure{sys: sys, tries: map[string]bool{}, entries: map[string]*Object{}}}
	memory := p.Memory.prepare(sys)
	r.sys, r.files, r.parsed = memory.walker, memory.files, memory.parsed
	r.closure.files = r.files
	r.distro = readDistro(r.sys)
	f, err := r.openProgram(p)
	if err != nil {
		return nil, err
	}
	return r, r.start(f, p.Interpreter)
}

// openProgram reads the program's file and creates its object.
func (r *process) openProgram(p Program) (*file, error) {
	o := &Object{Name: p.Path, Path: p.Path, By: "the program", file: p.File}
	var c *Content
	at, err := r.locate(p)
	if err == nil && p.File == "" {
		c, err = r.sys.open(at)
	} else if err == nil {
		c, err = openHost(p.File)
	}
	if err != nil {
		return nil, err
	}
	o.Real, o.Links, o.Dirs = at.real, at.links, at.through
	f := r.parsed.read(role{name: "program"}, c, readProgram)
	if err := errors.Join(f.bad, c.Close()); err != nil {
		return nil, err
	}
	// The loaders take $ORIGIN from the canonical path that the kernel gives a process, /proc/self/exe.
	r.main = &loaded{Object: o, info: c.Info, origin: path.Dir(o.Real), capable: p.Secure}
	if sys, ok := r.sys.sys.(capableFS); ok && p.File == "" && !p.Secure {
		r.main.capable = sys.gainsCapabilities(relative(at.real))
	}
	r.closure.program = f
	return f, nil
}

// locate returns the place of the program. A program from a file of the host need not exist at its Path, so
// only links in the folders of Path are resolved.
func (r *process) locate(p Program) (place, error) {
	if p.File == "" {
		return r.sys.walk(p.Path)
	}
	dir, base := path.Split(path.Clean(p.Path))
	at, err := r.sys.walk(dir)
	if err != nil {
		// The folder will be created with the image and will contain no links.
		return place{real: path.Clean(p.Path)}, nil
	}
	at.real = path.Join(at.real, base)
	return at, nil
}

// openHost opens a regular file of the host.
func openHost(name string) (*Content, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("opening %q: not a regular file (%s)", name, info.Mode().Type())
	}
	return openContent(func() (fs.File, error) { return os.Open(name) })
}

// start begins the closure with the program and maps its loader: PT_INTERP, or for a library without one the
// loader that the caller gave. A program with neither is complete.
func (r *process) start(f *file, library string) error {
	c := r.closure
	c.Machine, c.Class = f.elf.Machine, f.elf.Class
	r.add(r.main)
	r.main.dyn, r.main.Soname, r.main.isa = f.dyn, f.dyn.Soname, f.isa
	interp := f.interp
	if interp == "" && !f.static {
		interp = library
	}
	// Only the headers show whether a program is static. CGO_ENABLED=0 does not: with -buildmode=pie there is
	// an interpreter, and packages that open libraries without cgo add one.
	switch {
	case interp == "" && len(f.dyn.Deps) > 0:
		return errors.New("it needs libraries but names no interpreter: it is a library itself\nfix: list it among the libraries that the program opens, or name the interpreter")
	case interp == "":
		return nil
	}
	c.Loader = interp
	return r.startLoader(interp, &f.elf.Header)
}

// startLoader maps the ELF interpreter, which must be for the same machine as the program.
func (r *process) startLoader(interp string, program *elf.Header) error {
	at, err := r.sys.walk(r.absolute(interp))
	if isNotFound(err) {
		return r.noLoader(interp, program)
	}
	if err != nil {
		return fmt.Errorf("interpreter %q: %w", interp, err)
	}
	refuse := func(err error) error { return &LoadError{Path: interp, NeededBy: r.main.Path, Err: err} }
	c, err := r.sys.open(at)
	if err != nil {
		return refuse(err)
	}
	// The kernel only requires that it is for the same machine. Other faults would show when it runs.
	f := r.parsed.read(role{name: "loader"}, c, readLoader)
	err = f.bad
	if f.elf != nil && (f.elf.Class != program.Class || f.elf.Ident[debugelf.EI_DATA] != program.Ident[debugelf.EI_DATA] || f.elf.Machine != program.Machine) {
		err = fmt.Errorf("is %s %s, the program is %s %s", f.elf.Class, f.elf.Machine, program.Class, program.Machine)
	}
	if err = errors.Join(err, c.Close()); err != nil {
		return refuse(err)
	}
	r.conf = f.conf
	r.want = &f.elf.Header
	r.cache = sync.OnceValue(r.readCache)
	r.closure.Flavour, r.closure.loader, r.closure.want = r.conf.flavour, r.conf, r.want
	r.closure.interpreter = f
	r.loader = &loaded{
		Object: &Object{
			Name: interp, Path: r.absolute(interp), Real: at.real, Links: at.links, Dirs: at.through,
			Soname: f.dyn.Soname, NeededBy: r.main.Object, By: "interpreter",
		},
		dyn: f.dyn, info: c.Info, origin: path.Dir(interp),
	}
	r.add(r.loader)
	return nil
}

// noLoader returns the error for a missing interpreter, which the kernel reports as "no such file" about the
// program itself.
func (r *process) noLoader(interp string, program *elf.Header) error {
	pkg := "libc6"
	if strings.Contains(interp, "ld-musl-") {
		pkg = "musl"
	}
	machine := strings.TrimPrefix(program.Machine.String(), "EM_")
	return &NotFoundError{
		Soname: interp, NeededBy: r.main.Path, Searched: []string{interp + " (interpreter)"}, Package: pkg,
		Fix: fmt.Sprintf("install the C library for %s into the sysroot (%s), or build the program without cgo (CGO_ENABLED=0)", machine, pkg),
	}
}

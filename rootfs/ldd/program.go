package ldd

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
)

// newProcess loads the program and its loader, as the kernel does.
func newProcess(ctx context.Context, sys FS, p Program, env Env) (*process, error) {
	if !strings.HasPrefix(p.Path, "/") {
		return nil, errors.New("the program's path is not absolute")
	}
	if env.Workdir == "" {
		env.Workdir = "/"
	}
	r := &process{ctx: ctx, env: env, names: map[string]*loaded{}, closure: &Closure{sys: sys, tries: map[string]bool{}}}
	r.sys, r.files = p.Memory.of(sys)
	r.distro = readDistro(r.sys)
	f, done, err := r.openProgram(p)
	if err != nil {
		return nil, err
	}
	// Joined before it is returned: the file must be closed whether or not it makes sense.
	return r, errors.Join(r.start(f, p.Interpreter), done())
}

// openProgram opens the program's file and makes the first object of it. The second result closes it.
func (r *process) openProgram(p Program) (*elfFile, func() error, error) {
	o := &Object{Name: p.Path, Path: p.Path, By: "the program", file: p.File}
	var c *Content
	at, err := r.locate(p)
	if err == nil && p.File == "" {
		c, err = r.sys.open(at)
	} else if err == nil {
		c, err = openHost(p.File)
	}
	if err != nil {
		return nil, nil, err
	}
	o.Real, o.Links, o.Dirs = at.real, at.links, at.through
	f, err := readELF(c, c.Size)
	if err == nil && f.typ != elf.ET_EXEC && f.typ != elf.ET_DYN {
		err = fmt.Errorf("it is no program but an ELF file of type %s", f.typ)
	}
	if err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	// The kernel gives a process the canonical path of its program, /proc/self/exe, and that is where the
	// loaders take $ORIGIN from.
	r.main = &loaded{Object: o, info: c.Info, origin: path.Dir(o.Real)}
	return f, c.Close, nil
}

// locate returns the place of the program. A program that comes from a file of the host stands where it
// will be put, whatever is there now; only links in the folders above count.
func (r *process) locate(p Program) (place, error) {
	if p.File == "" {
		return r.sys.walk(p.Path)
	}
	dir, base := path.Split(path.Clean(p.Path))
	at, err := r.sys.walk(dir)
	if err != nil {
		// The folder will be made with the image, of folders alone.
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

// start reads the program and maps its loader: what PT_INTERP names, for a library without one what the
// caller does. A program that has neither is done.
func (r *process) start(f *elfFile, library string) error {
	c := r.closure
	c.Machine, c.Class = f.machine, f.class
	r.add(r.main)
	interp, err := f.interp()
	if err != nil {
		return err
	}
	r.main.dyn, err = f.dynamic()
	if errors.Is(err, errNoDynamic) {
		// As of any program that is linked with -static and not as PIE.
		r.main.dyn, err, library = &dynamic{}, nil, ""
	}
	if err != nil {
		return err
	}
	if interp == "" {
		interp = library
	}
	r.main.Soname, r.main.isa = r.main.dyn.soname, f.isaNeeded()
	// Whether a program is static is for its headers to say. CGO_ENABLED=0 does not say it: with
	// -buildmode=pie there is an interpreter, and packages that open libraries without cgo add some.
	switch {
	case interp == "" && len(r.main.dyn.deps) > 0:
		return errors.New("it needs libraries and names no interpreter: it is a library itself\nfix: list it among what the program opens, or name the interpreter")
	case interp == "":
		return nil
	}
	c.Loader = interp
	return r.startLoader(interp, &f.header)
}

// startLoader maps the ELF interpreter, which has to be of the program's kind.
func (r *process) startLoader(interp string, program *header) error {
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
	// The kernel asks no more of it than that it is for the same machine; what else is wrong would show
	// when it runs.
	f, err := readELF(c, c.Size)
	if err == nil && (f.class != program.class || f.ident[elf.EI_DATA] != program.ident[elf.EI_DATA] || f.machine != program.machine) {
		err = fmt.Errorf("is %s %s, the program is %s %s", f.class, f.machine, program.class, program.machine)
	}
	var d *dynamic
	if err == nil {
		d, err = f.dynamic()
	}
	if err == nil {
		r.conf, err = readLoaderConf(f)
	}
	if err = errors.Join(err, c.Close()); err != nil {
		return refuse(err)
	}
	r.want = &f.header
	r.cache = sync.OnceValue(r.readCache)
	r.closure.Flavour, r.closure.loader, r.closure.want = r.conf.flavour, r.conf, r.want
	r.loader = &loaded{
		Object: &Object{
			Name: interp, Path: r.absolute(interp), Real: at.real, Links: at.links, Dirs: at.through,
			Soname: d.soname, NeededBy: r.main.Object, By: "interpreter",
		},
		dyn: d, info: c.Info, origin: path.Dir(interp),
	}
	r.add(r.loader)
	return nil
}

// noLoader is the error for a missing interpreter, which the kernel reports as "no such file" about the
// program itself.
func (r *process) noLoader(interp string, program *header) error {
	pkg := "libc6"
	if strings.Contains(interp, "ld-musl-") {
		pkg = "musl"
	}
	machine := strings.TrimPrefix(program.machine.String(), "EM_")
	return &NotFoundError{
		Soname: interp, NeededBy: r.main.Path, Searched: []string{interp + " (interpreter)"}, Package: pkg,
		Fix: fmt.Sprintf("install the C library for %s into the sysroot (%s), or build the program without cgo (CGO_ENABLED=0)", machine, pkg),
	}
}

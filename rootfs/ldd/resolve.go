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
)

// Resolve computes what the program's loader would load if the program were started in the sysroot.
//
// A missing library is a [MissingError] that lists all of them, a file that the loader refuses is a
// [LoadError], a program that is none is [ErrNotELF]. With a MissingError the closure is returned too,
// without what is missing. Nothing is executed and only the sysroot and Program.File are read.
func Resolve(ctx context.Context, sys FS, p Program, env Env) (*Closure, error) {
	r, err := newProcess(ctx, sys, p, env)
	if err != nil {
		return nil, fmt.Errorf("resolving the libraries of %q: %w", p.Path, err)
	}
	switch r.closure.Flavour {
	case Glibc:
		err = (&glibc{process: r}).run(p.Opens)
	case Musl:
		err = (&musl{process: r}).run(p.Opens)
	}
	if err == nil && len(r.missing) > 0 {
		return r.closure, fmt.Errorf("resolving the libraries of %q: %w", p.Path, &MissingError{p.Path, r.missing})
	}
	if err != nil {
		return nil, fmt.Errorf("resolving the libraries of %q: %w", p.Path, err)
	}
	return r.closure, nil
}

// process is the state of one process that starts: what is loaded so far and by which names. Resolution
// is one walk with this state over all objects. Tools that resolve object by object get another answer:
// what a name means depends on what was loaded before, and by whom.
type process struct {
	ctx     context.Context
	sys     *walker
	env     Env
	conf    loaderConf
	want    *header          // of the loader; the files that it accepts look like it
	closure *Closure         // what is returned
	main    *loaded          // the program
	loader  *loaded          // nil for a static program
	objects []*loaded        // as closure.Objects, in the same order
	missing []*NotFoundError // what the program cannot start without
	distro  distro           // for advice
}

// loaded is a mapped object, glibc's link_map or musl's dso.
type loaded struct {
	*Object
	dyn    *dynamic        // never nil
	info   fs.FileInfo     // of the open file: its inode tells two paths of one file
	names  map[string]bool // under which it was asked for
	origin string          // $ORIGIN
	parent *loaded         // who asked first; its search path may count too
}

// newProcess loads the program and its loader, as the kernel does.
func newProcess(ctx context.Context, sys FS, p Program, env Env) (*process, error) {
	if !strings.HasPrefix(p.Path, "/") {
		return nil, errors.New("the program's path is not absolute")
	}
	if env.Workdir == "" {
		env.Workdir = "/"
	}
	r := &process{ctx: ctx, sys: newWalker(sys), env: env, closure: &Closure{sys: sys}}
	r.distro = readDistro(r.sys)
	f, done, err := r.openProgram(p)
	if err != nil {
		return nil, err
	}
	// Joined before it is returned: the file must be closed whether or not it makes sense.
	return r, errors.Join(r.start(f), done())
}

// openProgram opens the program's file and makes the first object of it. The second result closes it.
func (r *process) openProgram(p Program) (*elfFile, func() error, error) {
	o := &Object{Name: p.Path, Path: p.Path, By: "the program", file: p.File}
	var c *content
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
	f, err := readELF(c, c.size)
	if err == nil && f.typ != elf.ET_EXEC && f.typ != elf.ET_DYN {
		err = fmt.Errorf("it is no program but an ELF file of type %s", f.typ)
	}
	if err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	// The kernel gives a process the canonical path of its program, /proc/self/exe, and that is where the
	// loaders take $ORIGIN from.
	r.main = &loaded{Object: o, info: c.info, names: map[string]bool{}, origin: path.Dir(o.Real)}
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
func openHost(name string) (*content, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("opening %q: not a regular file (%s)", name, info.Mode().Type())
	}
	return openContent(func() (fs.File, error) { return os.Open(name) })
}

// start reads the program and maps its loader. A program without PT_INTERP has none and is done.
func (r *process) start(f *elfFile) error {
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
		r.main.dyn, err = &dynamic{}, nil
	}
	if err != nil {
		return err
	}
	r.main.Soname = r.main.dyn.soname
	// Whether a program is static is for its headers to say. CGO_ENABLED=0 does not say it: with
	// -buildmode=pie there is an interpreter, and packages that open libraries without cgo add some.
	switch {
	case interp == "" && len(r.main.dyn.deps) > 0:
		return errors.New("it needs libraries and names no interpreter: it is a library itself\nfix: list it among what the program opens")
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
	f, err := readELF(c, c.size)
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
	r.closure.Flavour, r.closure.loader, r.closure.want = r.conf.flavour, r.conf, r.want
	r.loader = &loaded{
		Object: &Object{
			Name: interp, Path: r.absolute(interp), Real: at.real, Links: at.links, Dirs: at.through,
			Soname: d.soname, NeededBy: r.main.Object, By: "interpreter",
		},
		dyn: d, info: c.info, names: map[string]bool{interp: true}, origin: path.Dir(interp),
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

// add appends an object to the closure.
func (r *process) add(o *loaded) {
	r.objects = append(r.objects, o)
	r.closure.Objects = append(r.closure.Objects, o.Object)
}

// absolute makes a path absolute as the kernel would for the process.
func (r *process) absolute(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return strings.TrimSuffix(r.env.Workdir, "/") + "/" + name
}

// isNotFound says whether nothing is at a path, or nothing that can be reached: the errors that let
// every loader look in the next folder.
func isNotFound(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, errNotDir)
}

// candidate is a file that a search found.
type candidate struct {
	name string // as the loader opened it, maybe relative: glibc's l_name
	place
	elf  *elfFile // its headers, read by glibc's rules during the search
	dyn  *dynamic // read by musl's when it is mapped
	body *content // open; whoever takes the candidate closes it
	by   string   // the rule that found it
}

// sameFile says whether a candidate is the file of an object: its inode is, or where there are no inodes
// its path.
func (r *process) sameFile(c *candidate, o *loaded) bool {
	if o == r.main {
		// The kernel mapped it; the loaders never saw its inode.
		return false
	}
	return c.real == o.Real || os.SameFile(c.body.info, o.info)
}

// alias notes that a second path leads to an object that is loaded already. An image needs the links of
// that path too, and a hard link becomes a symbolic one there: two files would be loaded twice.
func (o *loaded) alias(c *candidate) {
	links := c.links
	if c.real != o.Real {
		// A copy of the slice: its array belongs to the walk.
		links = append(links[:len(links):len(links)], Link{Path: c.real, Target: o.Real})
	}
	have := map[string]bool{}
	for _, l := range o.Links {
		have[l.Path] = true
	}
	for _, l := range links {
		if !have[l.Path] {
			o.Links = append(o.Links, l)
		}
	}
	o.Dirs = compact(append(o.Dirs, c.through...))
}

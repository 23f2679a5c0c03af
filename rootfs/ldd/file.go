package ldd

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
)

// file is what is read of a library. That happens once in a resolution, however often the file is found:
// a program that tries hundreds of plugins meets the same few libraries over and over.
type file struct {
	info fs.FileInfo
	elf  *elfFile // headers and what was read with them; the file is closed
	dyn  *dynamic
	isa  uint32     // x86 ISA levels that it needs
	libc bool       // defines what only a C library does; musl asks
	conf loaderConf // of a loader
	// interp is the PT_INTERP of a program, and static says that it has no dynamic section.
	interp   string
	static   bool
	versions *versionTables
	answers  *answers // what else was asked of it; shared by all that know the file
	err      error    // of the search: a mismatch lets it go on, any other ends it
	bad      error    // of mapping the file that the search has found
}

// read reads the file at a place, the way of one of the loaders. An error is that of opening the file,
// before anything of it is seen.
func (r *process) read(at place, way func(*file, *Content)) (*file, error) {
	if f, ok := r.files[at.real]; ok {
		return f, nil
	}
	body, err := r.sys.open(at)
	if err != nil {
		return nil, err
	}
	f := r.parsed.read(role{r.closure.Flavour.String(), *r.want}, body, way)
	if err := body.Close(); err != nil {
		return nil, err
	}
	r.files[at.real] = f
	return f, nil
}

// readGlibc reads a file the way of glibc: the search already looks into it.
func (r *process) readGlibc(f *file, body *Content) {
	if f.elf, f.err = openVerify(body, r.want); f.err != nil {
		return
	}
	f.isa = f.elf.isaNeeded()
	if f.dyn, f.bad = f.elf.dynamic(); f.bad == nil {
		f.bad = f.elf.checkMappable(f.dyn)
	}
}

// readMusl reads a file the way of musl: what the search can open is taken, or musl gives up. A file for
// another machine is mapped by musl and then crashes: here it is refused.
func (r *process) readMusl(f *file, body *Content) {
	f.elf, f.bad = readELF(body, body.Size)
	switch {
	case f.bad != nil:
	case f.elf.class != r.want.class || f.elf.machine != r.want.machine:
		f.bad = fmt.Errorf("is %s %s, the loader is %s %s", f.elf.class, f.elf.machine, r.want.class, r.want.machine)
	case f.elf.typ != elf.ET_DYN && f.elf.typ != elf.ET_EXEC:
		f.bad = fmt.Errorf("is an ELF file of type %s", f.elf.typ)
	}
	if f.bad != nil {
		return
	}
	if f.dyn, f.bad = f.elf.dynamic(); f.bad != nil {
		return
	}
	var t *symbolTable
	if t, f.bad = f.elf.symbols(f.dyn, nil); f.bad == nil {
		f.libc = t.defines("__libc_start_main") && t.defines("stdin")
	}
}

// readProgram reads the program as the kernel and its loader do.
func readProgram(f *file, body *Content) {
	if f.elf, f.bad = readELF(body, body.Size); f.bad != nil {
		return
	}
	if f.elf.typ != elf.ET_EXEC && f.elf.typ != elf.ET_DYN {
		f.bad = fmt.Errorf("it is no program but an ELF file of type %s", f.elf.typ)
		return
	}
	if f.interp, f.bad = f.elf.interp(); f.bad != nil {
		return
	}
	f.dyn, f.bad = f.elf.dynamic()
	if errors.Is(f.bad, errNoDynamic) {
		// As of any program that is linked with -static and not as PIE.
		f.dyn, f.bad, f.static = &dynamic{}, nil, true
	}
	f.isa = f.elf.isaNeeded()
}

// readLoader reads the interpreter of a program.
func readLoader(f *file, body *Content) {
	if f.elf, f.bad = readELF(body, body.Size); f.bad != nil {
		return
	}
	if f.dyn, f.bad = f.elf.dynamic(); f.bad != nil {
		return
	}
	f.conf, f.bad = readLoaderConf(f.elf)
}

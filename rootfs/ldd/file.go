package ldd

import (
	"debug/elf"
	"fmt"
	"io/fs"
)

// file is what is read of a library. That happens once in a resolution, however often the file is found:
// a program that tries hundreds of plugins meets the same few libraries over and over.
type file struct {
	info fs.FileInfo
	elf  *elfFile // headers and what was read with them; the file is closed
	dyn  *dynamic
	isa  uint32 // x86 ISA levels that it needs
	libc bool   // defines what only a C library does; musl asks
	err  error  // of the search: a mismatch lets it go on, any other ends it
	bad  error  // of mapping the file that the search has found
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
	f := &file{info: body.Info}
	body.ReaderAt = &blocks{body.ReaderAt, body.Size, map[int64][]byte{}}
	way(f, body)
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

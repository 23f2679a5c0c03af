package ldd

import (
	debugelf "debug/elf"
	"fmt"
	"io/fs"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// file is a library that was read. Each file is read once in a resolution, however often it is found: a program
// that tries hundreds of plugins finds the same few libraries again and again.
type file struct {
	info fs.FileInfo
	elf  *elf.File // headers and dynamic section; the file is closed
	dyn  *elf.Dynamic
	isa  uint32     // x86 ISA levels that it needs, as bits
	libc bool       // is a C library; for musl
	conf loaderConf // of a loader
	// interp is the PT_INTERP of a program. static is set if it has no dynamic section.
	interp   string
	static   bool
	versions *versionTables
	answers  *answers // cached answers; shared by all that use the file
	err      error    // from the search: a mismatch lets it continue, any other error ends it
	bad      error    // from mapping the file after the search
}

// read reads the file of a place with the given function for its loader. The error is that of opening the file;
// errors in its content are in the file.
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

// readGlibc reads a file like glibc, which checks files during the search.
func (r *process) readGlibc(f *file, body *Content) {
	if f.elf, f.err = openVerify(body, r.want); f.err != nil {
		return
	}
	f.isa = f.elf.ISANeeded()
	if f.dyn, f.bad = f.elf.Dynamic(); f.bad == nil {
		f.bad = checkMappable(f.elf, f.dyn)
	}
}

// readMusl reads a file like musl, which takes the first file that it can open, or fails. musl maps a file for
// another machine and then crashes; here such a file is rejected.
func (r *process) readMusl(f *file, body *Content) {
	f.elf, f.bad = elf.Read(body, body.Size)
	switch {
	case f.bad != nil:
	case f.elf.Class != r.want.Class || f.elf.Machine != r.want.Machine:
		f.bad = fmt.Errorf("is %s %s, the loader is %s %s", f.elf.Class, f.elf.Machine, r.want.Class, r.want.Machine)
	case f.elf.Type != debugelf.ET_DYN && f.elf.Type != debugelf.ET_EXEC:
		f.bad = fmt.Errorf("is an ELF file of type %s", f.elf.Type)
	}
	if f.bad != nil {
		return
	}
	if f.dyn, f.bad = f.elf.Dynamic(); f.bad != nil {
		return
	}
	var t *elf.SymbolTable
	if t, f.bad = f.elf.Symbols(f.dyn, nil); f.bad == nil {
		f.libc = t.Defines("__libc_start_main") && t.Defines("stdin")
	}
}

// readProgram reads the program as the kernel and its loader do.
func readProgram(f *file, body *Content) {
	var p *elf.Program
	if p, f.bad = elf.ReadProgram(body, body.Size); f.bad != nil {
		return
	}
	f.elf, f.dyn, f.interp = p.File, p.Dynamic, p.Interp
	if f.dyn == nil {
		f.dyn, f.static = &elf.Dynamic{}, true
	}
	f.isa = f.elf.ISANeeded()
}

// readLoader reads the interpreter of a program.
func readLoader(f *file, body *Content) {
	if f.elf, f.bad = elf.Read(body, body.Size); f.bad != nil {
		return
	}
	if f.dyn, f.bad = f.elf.Dynamic(); f.bad != nil {
		return
	}
	f.conf, f.bad = readLoaderConf(f.elf)
}

// versionTables are both version tables of an object, or the error of reading them.
type versionTables struct {
	needs []elf.VersionNeed
	defs  map[uint16]string // nil if the object has no versions
	err   error
}

// versionsOf returns the version tables. It reads them once.
func (f *file) versionsOf() *versionTables {
	if f.versions == nil {
		t := &versionTables{}
		t.needs, t.defs, t.err = f.elf.Versions(f.dyn)
		f.versions = t
	}
	return f.versions
}

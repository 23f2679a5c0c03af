package ldd

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Verify asks of a finished root file system whether a program would start in it: whether its loader is
// there and can be executed, finds every library, every version that one of them demands of another, and
// every symbol that a relocation asks for, as "ldd -r" does. It returns the closure inside of that root, for [Compare].
// /etc/ld.so.preload is that of the root, whatever Env.PreloadFile says. Of what is in Program.Tries alone, a missing symbol is one of Closure.Warnings: not every function is called.
//
// The rules are those of _dl_check_map_versions (glibc's elf/dl-version.c) and of the symbol lookup
// (elf/dl-lookup.c); all that is wrong is reported at once.
func Verify(ctx context.Context, sys FS, p Program, env Env) (*Closure, error) {
	text, err := ReadPreload(sys)
	if err != nil {
		return nil, err
	}
	env.PreloadFile = text
	c, err := Resolve(ctx, sys, p, env)
	if err != nil {
		return c, err
	}
	if err := verify(ctx, c); err != nil {
		return c, fmt.Errorf("verifying %q: %w", p.Path, err)
	}
	return c, nil
}

// verify verifies what every CPU loads, then what those of each level do.
func verify(ctx context.Context, c *Closure) error {
	read := map[string]*checkedObject{}
	for _, level := range append([]*Closure{c}, c.levels...) {
		v, err := newVerifier(ctx, level, read)
		if err == nil {
			v.warnings = &c.Warnings
			err = errors.Join(v.checkExecutable(), v.checkComplete(), v.checkVersions(), v.checkRELR())
		}
		if err == nil {
			// A library of another release lacks versions and symbols; the versions say it shorter.
			err = v.checkSymbols()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// verifier holds what was read of a closure's files.
type verifier struct {
	closure  *Closure
	objects  []*checkedObject            // as closure.Objects, without variants
	warnings *[]string                   // of the closure that is returned
	scopes   map[string][]*checkedObject // where what was opened under a name looks for symbols
}

// warn notes what is wrong with a library that need not be loaded.
func (v *verifier) warn(text string) {
	if !slices.Contains(*v.warnings, text) {
		*v.warnings = append(*v.warnings, text)
	}
}

// verified is an object with what its loader would look at.
type checkedObject struct {
	*Object
	elf    *elfFile // closed by now: only what was read of it is used
	mode   fs.FileMode
	dyn    *dynamic
	needs  []versionNeed          // versions of other objects
	defs   map[uint16]string      // versions of its own by index; nil when it has none
	table  *symbolTable           // never nil
	bound  []uint32               // symbols looked up at the start
	wanted map[uint16]versionNeed // needs by the index that symbols refer to
}

// newVerifier reads the files of a closure, except for those that were read already.
func newVerifier(ctx context.Context, c *Closure, read map[string]*checkedObject) (*verifier, error) {
	v := &verifier{closure: c, warnings: &c.Warnings, scopes: map[string][]*checkedObject{}}
	objects := c.Objects
	if c.levels != nil {
		objects = c.baseObjects()
	}
	for _, o := range objects {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x, ok := read[o.Real]
		if !ok {
			var err error
			x, err = c.inspect(o)
			if err != nil {
				err = fmt.Errorf("reading %q: %w", o.Path, err)
			}
			if err != nil && c.tries[o.Opened] {
				v.warn(err.Error())
				continue
			}
			if err != nil {
				return nil, err
			}
			read[o.Real] = x
		}
		again := *x
		again.Object = o
		v.objects = append(v.objects, &again)
	}
	return v, nil
}

// inspect reads an object as far as it is verified.
func (c *Closure) inspect(o *Object) (*checkedObject, error) {
	body, err := c.Content(o)
	if err != nil {
		return nil, err
	}
	v := &checkedObject{Object: o, mode: body.Info.Mode(), wanted: map[uint16]versionNeed{}}
	return v, errors.Join(v.read(c.fileOf(o), body), body.Close())
}

// known is what the resolution has read of an object.
func (c *Closure) fileOf(o *Object) *file {
	switch {
	case o == c.Objects[0]:
		return c.program
	case c.Loader != "" && o == c.Objects[1]:
		return c.interpreter
	}
	return c.files[o.Real]
}

// read reads symbols, versions and relocations; headers and the dynamic section are known.
func (v *checkedObject) read(known *file, body *Content) error {
	// The file is open anew, what was read of it stands.
	v.elf, v.dyn = known.elf.reopen(body), known.dyn
	if known.static {
		v.table = &symbolTable{}
		return nil
	}
	var err error
	if v.bound, err = v.elf.bound(v.dyn); err != nil {
		return err
	}
	if v.table, err = v.elf.symbols(v.dyn, v.bound); err != nil {
		return err
	}
	tables := known.versionsOf()
	if tables.err != nil {
		return tables.err
	}
	v.needs, v.defs = tables.needs, tables.defs
	for _, n := range v.needs {
		v.wanted[n.index] = n
	}
	return nil
}

// checkExecutable checks that the kernel may start the program and its loader. Without the permission it says
// "permission denied" of the program in both cases.
func (v *verifier) checkExecutable() error {
	if _, ok := v.closure.sys.(dirFS); ok && runtime.GOOS == "windows" {
		return nil // has no such permission
	}
	var err error
	for i, o := range v.objects {
		// Libraries are only read and mapped. A program from a file of the host gets its mode later.
		isLoader := v.closure.Loader != "" && i == 1
		if (i == 0 && o.file == "" || isLoader) && o.mode&0o111 == 0 {
			err = errors.Join(err, fmt.Errorf("%q is not executable (mode %04o)\nfix: chmod a+x %s", o.Real, o.mode.Perm(), plaintext.Shell(o.Real)))
		}
	}
	return err
}

// checkComplete checks that no file is cut off. The loader maps such a file and is killed by SIGBUS later.
func (v *verifier) checkComplete() error {
	var err error
	for _, o := range v.objects {
		err = errors.Join(err, o.Object.checkComplete(o.elf))
	}
	return err
}

// checkComplete checks one file.
func (o *Object) checkComplete(f *elfFile) error {
	for _, p := range f.progs {
		if p.typ == elf.PT_LOAD && f.checkRange(p.off, p.filesz) != nil {
			return fmt.Errorf("%q is cut off: a segment ends at %d, the file at %d\nfix: copy or install the file again",
				o.Real, p.off+p.filesz, f.size)
		}
	}
	return nil
}

// maxProblems is how many lines of one kind are told; the rest is counted.
const maxProblems = 10

// problem makes an error of what has one remedy, a line each; nil when there is nothing.
func listError[T any](all []T, text func(T) string, fix string) error {
	if len(all) == 0 {
		return nil
	}
	var lines []string
	for _, x := range all[:min(len(all), maxProblems)] {
		lines = append(lines, plaintext.Field(text(x)))
	}
	if n := len(all) - maxProblems; n > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", n))
	}
	return errors.New(strings.Join(lines, "\n") + "\nfix: " + plaintext.Field(fix))
}

// sameContent compares two open files byte by byte; the same file of the host is not read.
func sameContent(a, b *Content) (bool, error) {
	if a.Size != b.Size {
		return false, nil
	}
	if os.SameFile(original(a.Info), original(b.Info)) {
		return true, nil // the usual case: an image's tree that is read from where the files came from
	}
	const piece = 256 << 10
	bufA, bufB := make([]byte, piece), make([]byte, piece)
	for off := int64(0); off < a.Size; off += piece {
		n := min(piece, a.Size-off)
		if _, err := readFull(a, bufA[:n], off); err != nil {
			return false, err
		}
		if _, err := readFull(b, bufB[:n], off); err != nil {
			return false, err
		}
		if string(bufA[:n]) != string(bufB[:n]) {
			return false, nil
		}
	}
	return true, nil
}

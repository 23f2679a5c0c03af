package ldd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Verify checks whether a program would start in a finished root file system. Its loader must exist and be
// executable, and must find every library, every version that one library requires of another, and every symbol
// that a relocation refers to, as "ldd -r" checks. Verify reports all problems at once. It returns the closure
// inside that root, for [Compare].
//
// /etc/ld.so.preload is read from the root; Env.PreloadFile is ignored. A missing symbol of a library that only
// Program.Tries loads is one of Closure.Warnings, because not every function is called.
//
// The rules are those of _dl_check_map_versions (glibc's elf/dl-version.c) and of the symbol lookup
// (elf/dl-lookup.c).
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

// verify verifies what every CPU loads, then what a CPU of each level loads.
func verify(ctx context.Context, c *Closure) error {
	read := map[string]*checkedObject{}
	for _, level := range append([]*Closure{c}, c.levels...) {
		v, err := newVerifier(ctx, level, read)
		if err == nil {
			v.warnings = &c.Warnings
			err = errors.Join(v.checkExecutable(), v.checkComplete(), v.checkVersions(), v.checkRELR())
		}
		if err == nil {
			// A library of another release lacks versions and symbols; the error about versions is shorter.
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
	steps    int                         // that looking symbols up has taken, see maxSteps
}

// warn adds a warning about an optional library, once.
func (v *verifier) warn(text string) {
	if !slices.Contains(*v.warnings, text) {
		*v.warnings = append(*v.warnings, text)
	}
}

// checkedObject is an object with the tables that its loader reads.
type checkedObject struct {
	*Object
	elf    *elf.File // closed; only cached parts are used
	mode   fs.FileMode
	dyn    *elf.Dynamic
	needs  []elf.VersionNeed          // versions of other objects
	defs   map[uint16]string          // versions of its own by index; nil when it has none
	names  map[string]bool            // the names in defs, when they were asked for
	table  *elf.SymbolTable           // never nil
	bound  []uint32                   // symbols that relocations refer to
	wanted map[uint16]elf.VersionNeed // needs by version index
}

// newVerifier reads the files of a closure that are not in read yet.
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

// inspect reads the parts of an object that are verified.
func (c *Closure) inspect(o *Object) (*checkedObject, error) {
	body, err := c.Content(o)
	if err != nil {
		return nil, err
	}
	v := &checkedObject{Object: o, mode: body.Info.Mode(), wanted: map[uint16]elf.VersionNeed{}}
	return v, errors.Join(v.read(c.fileOf(o), body), body.Close())
}

// fileOf returns what the resolution has read of an object.
func (c *Closure) fileOf(o *Object) *file {
	switch {
	case o == c.Objects[0]:
		return c.program
	case c.Loader != "" && o == c.Objects[1]:
		return c.interpreter
	}
	return c.files[o.Real]
}

// read reads symbols, versions and relocations. Headers and the dynamic section are known.
func (v *checkedObject) read(known *file, body *Content) error {
	// The file was opened again; headers are not read again.
	v.elf, v.dyn = known.elf.Reopen(body), known.dyn
	if known.static {
		v.table = &elf.SymbolTable{}
		return nil
	}
	var err error
	if v.bound, err = v.elf.Bound(v.dyn); err != nil {
		return err
	}
	if v.table, err = v.elf.Symbols(v.dyn, v.bound); err != nil {
		return err
	}
	tables := known.versionsOf()
	if tables.err != nil {
		return tables.err
	}
	v.needs, v.defs = tables.needs, tables.defs
	for _, n := range v.needs {
		v.wanted[n.Index] = n
	}
	return nil
}

// checkExecutable checks that the kernel may execute the program and its loader. If either lacks the
// permission, the kernel's error is "permission denied" for the program.
func (v *verifier) checkExecutable() error {
	if _, ok := v.closure.sys.(dirFS); ok && runtime.GOOS == "windows" {
		return nil // Windows has no such permission
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

// checkComplete checks that no file is truncated. The loader would map it and be killed by SIGBUS later.
func (v *verifier) checkComplete() error {
	var err error
	for _, o := range v.objects {
		err = errors.Join(err, o.Object.checkComplete(o.elf))
	}
	return err
}

// checkComplete checks that a file is not truncated.
func (o *Object) checkComplete(f *elf.File) error {
	if err := f.CheckComplete(); err != nil {
		return fmt.Errorf("%q is cut off: %w\nfix: copy or install the file again", o.Real, err)
	}
	return nil
}

// maxProblems is the number of problems of one kind that an error lists; the rest is counted.
const maxProblems = 10

// listError returns an error with one line per problem and one fix, or nil if there is no problem.
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

// sameContent compares two open files byte by byte. If both are the same file of the host, it reads nothing.
func sameContent(a, b *Content) (bool, error) {
	if a.Size != b.Size {
		return false, nil
	}
	if os.SameFile(original(a.Info), original(b.Info)) {
		return true, nil // the usual case: the image's tree reads the original files
	}
	const piece = 256 << 10
	bufA, bufB := make([]byte, piece), make([]byte, piece)
	for off := int64(0); off < a.Size; off += piece {
		n := min(piece, a.Size-off)
		if err := a.fill(bufA[:n], off); err != nil {
			return false, err
		}
		if err := b.fill(bufB[:n], off); err != nil {
			return false, err
		}
		if string(bufA[:n]) != string(bufB[:n]) {
			return false, nil
		}
	}
	return true, nil
}

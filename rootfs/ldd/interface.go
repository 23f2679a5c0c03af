package ldd

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
)

// Interface returns a checksum of all that [Resolve] and [Verify] look at in a program's own file: whose
// loader it names, what it needs and where it searches for it, which symbols and versions it asks for and
// which it offers, what it says that it opens. Two builds of a program with one Interface have the same
// closure in the same sysroot; where its code and data are does not count, nor do its strings, of which
// [Closure.Names] makes guesses.
func Interface(name string) (string, error) {
	body, err := openHost(name)
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", name, err)
	}
	known := &file{}
	readProgram(known, body)
	v := &verified{Object: &Object{}, wanted: map[uint16]versionNeed{}}
	err = known.bad
	if err == nil {
		err = v.read(known, body)
	}
	h := sha256.New()
	if err == nil {
		err = v.writeInterface(h)
	}
	if err = errors.Join(err, body.Close()); err != nil {
		return "", fmt.Errorf("reading %q: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writeInterface writes what counts, in a fixed form and order.
func (v *verified) writeInterface(h hash.Hash) error {
	f, d := v.elf, v.dyn
	interp, err := f.interp()
	if err != nil {
		return err
	}
	fmt.Fprintf(h, "%v %v %v %x\n%q %q %q %q %v %v %v\n", f.typ, f.class, f.machine, f.ident,
		interp, d.soname, d.rpath, d.runpath, d.hasRunpath, d.flags1, f.isaNeeded())
	for _, dep := range d.deps {
		fmt.Fprintf(h, "%v %q\n", dep.tag, dep.name)
	}
	fmt.Fprintf(h, "%v\n%+v\n%v\n", d.audit, v.needs, v.defs)
	for _, s := range v.symbolLines() {
		fmt.Fprintln(h, s)
	}
	// What cannot be read as notes is left out by Notes as well.
	notes, _ := f.notes()
	for _, n := range notes {
		if n.owner == dlopenOwner && n.typ == dlopenType {
			fmt.Fprintf(h, "%q\n", n.desc)
		}
	}
	return nil
}

// symbolLines are the symbols, sorted: a linker orders them as it likes.
func (v *verified) symbolLines() []string {
	bound := map[uint32]bool{}
	for _, i := range v.bound {
		bound[i] = true
	}
	var lines []string
	for i := range uint32(v.table.n) {
		if s, ok := v.table.symbol(i); ok {
			lines = append(lines, fmt.Sprintf("%q %x %v %v %d %v", s.name, s.info, s.isDefinition(), bound[i], s.version, s.hidden))
		}
	}
	slices.Sort(lines)
	return lines
}

package ldd

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
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
	sum, err := interfaceOf(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return "", fmt.Errorf("reading %q: %w", name, err)
	}
	return sum, nil
}

// interfaceOf is Interface of an open file.
func interfaceOf(body *Content) (string, error) {
	known := &file{}
	if readProgram(known, body); known.bad != nil {
		return "", known.bad
	}
	v := &checkedObject{Object: &Object{}, wanted: map[uint16]versionNeed{}}
	if err := v.read(known, body); err != nil {
		return "", err
	}
	h := sha256.New()
	if err := v.writeInterface(h); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writeInterface writes what counts, in a fixed form and order.
func (v *checkedObject) writeInterface(h hash.Hash) error {
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
	v.writeSymbols(h)
	// What cannot be read as notes is left out by Notes as well.
	notes, _ := f.notes()
	for _, n := range notes {
		if n.owner == dlopenOwner && n.typ == dlopenType {
			fmt.Fprintf(h, "%q\n", n.desc)
		}
	}
	return nil
}

// writeSymbols writes the symbols, sorted: a linker orders them as it likes. Names are not copied, see symbolTable.
func (v *checkedObject) writeSymbols(h hash.Hash) {
	type entry struct {
		symbol
		bound bool
	}
	bound := map[uint32]bool{}
	for _, i := range v.bound {
		bound[i] = true
	}
	var all []entry
	for i := range uint32(v.table.n) {
		if s, ok := v.table.symbol(i); ok {
			all = append(all, entry{s, bound[i]})
		}
	}
	rest := func(e entry) string {
		return fmt.Sprintf(" %x %v %v %d %v\n", e.info, e.isDefinition(), e.bound, e.version, e.hidden)
	}
	slices.SortFunc(all, func(a, b entry) int {
		if n := strings.Compare(a.name, b.name); n != 0 {
			return n
		}
		return strings.Compare(rest(a), rest(b))
	})
	w := bufio.NewWriter(h) // of a hash: never fails
	for _, e := range all {
		_, _ = w.WriteString(e.name)
		_, _ = w.WriteString(rest(e))
	}
	_ = w.Flush()
}

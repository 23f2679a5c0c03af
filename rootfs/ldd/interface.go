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

// Interface returns a checksum of everything that [Resolve] and [Verify] read from a program's own file: its
// loader, its dependencies and search paths, the symbols and versions that it imports and exports, and its
// dlopen notes. Two builds of a program with the same Interface have the same closure in the same sysroot.
// Code, data and their addresses are not part of it, nor are the strings from which [Closure.Names] guesses.
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

// writeInterface writes the interface in a fixed form and order.
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
	// Notes skips unreadable notes, too.
	notes, _ := f.notes()
	for _, n := range notes {
		if n.owner == dlopenOwner && n.typ == dlopenType {
			fmt.Fprintf(h, "%q\n", n.desc)
		}
	}
	return nil
}

// writeSymbols writes the symbols sorted, because a linker may order them in any way. Names are not copied, see
// symbolTable.
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
	w := bufio.NewWriter(h) // writing to a hash never fails
	for _, e := range all {
		_, _ = w.WriteString(e.name)
		_, _ = w.WriteString(rest(e))
	}
	_ = w.Flush()
}

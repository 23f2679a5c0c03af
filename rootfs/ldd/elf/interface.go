package elf

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// Interface returns a checksum of everything that the kernel and the loaders read from a program: its headers
// and dynamic section, the symbols and versions that it imports and exports, and its dlopen notes. Code, data and
// their addresses are not part of it. The checksum is SHA-256 in hex digits.
func Interface(r io.ReaderAt, size int64) (string, error) {
	p, err := ReadProgram(r, size)
	if err != nil {
		return "", err
	}
	t, err := p.tables()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	p.writeHeaders(h)
	t.writeVersions(h)
	t.writeSymbols(h)
	p.writeNotes(h)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// tables are the symbols and versions of a program.
type tables struct {
	symbols *SymbolTable
	bound   []uint32 // symbols that relocations refer to
	needs   []VersionNeed
	defs    map[uint16]string
}

// tables reads the symbols and versions. They are empty if the program is static.
func (p *Program) tables() (*tables, error) {
	t := &tables{symbols: &SymbolTable{}}
	if p.Dynamic == nil {
		return t, nil
	}
	var err error
	if t.bound, err = p.File.Bound(p.Dynamic); err != nil {
		return nil, err
	}
	if t.symbols, err = p.File.Symbols(p.Dynamic, t.bound); err != nil {
		return nil, err
	}
	t.needs, t.defs, err = p.File.Versions(p.Dynamic)
	return t, err
}

// writeHeaders writes the headers and the dynamic section.
func (p *Program) writeHeaders(h hash.Hash) {
	f, d := p.File, p.Dynamic
	if d == nil {
		d = &Dynamic{}
	}
	fmt.Fprintf(h, "%v %v %v %x\n%q %q %q %q %v %v %v\n", f.Type, f.Class, f.Machine, f.Ident,
		p.Interp, d.Soname, d.Rpath, d.Runpath, d.HasRunpath, d.Flags1, f.ISANeeded())
	for _, dep := range d.Deps {
		fmt.Fprintf(h, "%v %q\n", dep.Tag, dep.Name)
	}
	fmt.Fprintf(h, "%v\n", d.Audit)
}

// writeVersions writes the versions. The form of a requirement is fixed here, because another form would be
// another checksum of the same program.
func (t *tables) writeVersions(h hash.Hash) {
	needs := make([]string, len(t.needs))
	for i, n := range t.needs {
		needs[i] = fmt.Sprintf("{file:%s name:%s index:%d weak:%v}", n.File, n.Name, n.Index, n.Weak)
	}
	fmt.Fprintf(h, "%v\n%v\n", needs, t.defs)
}

// writeNotes writes the dlopen notes.
func (p *Program) writeNotes(h hash.Hash) {
	notes, _ := p.File.notes() // DlopenNotes skips unreadable notes, too
	for _, n := range notes {
		if n.owner == dlopenOwner && n.typ == dlopenType {
			fmt.Fprintf(h, "%q\n", n.desc)
		}
	}
}

// writeSymbols writes the symbols sorted, because a linker may order them in any way. Names are not copied, see
// SymbolTable.
func (t *tables) writeSymbols(h hash.Hash) {
	type entry struct {
		Symbol
		bound bool
	}
	bound := map[uint32]bool{}
	for _, i := range t.bound {
		bound[i] = true
	}
	var all []entry
	for i := range uint32(t.symbols.n) {
		if s, ok := t.symbols.Symbol(i); ok {
			all = append(all, entry{s, bound[i]})
		}
	}
	rest := func(e entry) string {
		return fmt.Sprintf(" %x %v %v %d %v\n", e.info, e.isDefinition(), e.bound, e.Version, e.Hidden)
	}
	slices.SortFunc(all, func(a, b entry) int {
		if n := strings.Compare(a.Name, b.Name); n != 0 {
			return n
		}
		return strings.Compare(rest(a), rest(b))
	})
	w := bufio.NewWriter(h) // writing to a hash never fails
	for _, e := range all {
		_, _ = w.WriteString(e.Name)
		_, _ = w.WriteString(rest(e))
	}
	_ = w.Flush()
}

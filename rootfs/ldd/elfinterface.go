package ldd

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

// interfaceOf returns a checksum of everything that the kernel and the loaders read from a program: its headers
// and dynamic section, the symbols and versions that it imports and exports, and its dlopen notes. Code, data and
// their addresses are not part of it.
func interfaceOf(r io.ReaderAt, size int64) (string, error) {
	p, err := readELFProgram(r, size)
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
	symbols *symbolTable
	bound   []uint32 // symbols that relocations refer to
	needs   []versionNeed
	defs    map[uint16]string
}

// tables reads the symbols and versions. They are empty if the program is static.
func (p *program) tables() (*tables, error) {
	t := &tables{symbols: &symbolTable{}}
	if p.dyn == nil {
		return t, nil
	}
	var err error
	if t.bound, err = p.file.bound(p.dyn); err != nil {
		return nil, err
	}
	if t.symbols, err = p.file.symbols(p.dyn, t.bound); err != nil {
		return nil, err
	}
	t.needs, t.defs, err = p.file.versions(p.dyn)
	return t, err
}

// writeHeaders writes the headers and the dynamic section.
func (p *program) writeHeaders(h hash.Hash) {
	f, d := p.file, p.dyn
	if d == nil {
		d = &dynamic{}
	}
	fmt.Fprintf(h, "%v %v %v %x\n%q %q %q %q %v %v %v\n", f.typ, f.class, f.machine, f.ident,
		p.interp, d.soname, d.rpath, d.runpath, d.hasRunpath, d.flags1, f.isaNeeded())
	for _, dep := range d.deps {
		fmt.Fprintf(h, "%v %q\n", dep.tag, dep.name)
	}
	fmt.Fprintf(h, "%v\n", d.audit)
}

// writeVersions writes the versions. The form of a requirement is fixed here, because another form would be
// another checksum of the same program.
func (t *tables) writeVersions(h hash.Hash) {
	needs := make([]string, len(t.needs))
	for i, n := range t.needs {
		needs[i] = fmt.Sprintf("{file:%s name:%s index:%d weak:%v}", n.file, n.name, n.index, n.weak)
	}
	fmt.Fprintf(h, "%v\n%v\n", needs, t.defs)
}

// writeNotes writes the dlopen notes.
func (p *program) writeNotes(h hash.Hash) {
	notes, _ := p.file.notes() // dlopenNotes skips unreadable notes, too
	for _, n := range notes {
		if n.owner == dlopenOwner && n.typ == dlopenType {
			fmt.Fprintf(h, "%q\n", n.desc)
		}
	}
}

// writeSymbols writes the symbols sorted, because a linker may order them in any way. Names are not copied, see
// symbolTable.
func (t *tables) writeSymbols(h hash.Hash) {
	type entry struct {
		symbol
		bound bool
	}
	bound := map[uint32]bool{}
	for _, i := range t.bound {
		bound[i] = true
	}
	var all []entry
	for i := range uint32(t.symbols.n) {
		if s, ok := t.symbols.symbol(i); ok {
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

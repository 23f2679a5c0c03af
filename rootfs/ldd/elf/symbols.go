package elf

import (
	"debug/elf"
	"fmt"
	"strings"
)

// The layout of DT_GNU_HASH. Words have 32 bits; those of the Bloom filter are as wide as addresses:
//
//	number of buckets, first symbol, words of the filter, shift of the filter
//	the filter
//	buckets: the first symbol of each, 0 for none
//	chain: a hash for each symbol from the first one on

// SymbolTable is an object's dynamic symbol table with its hash table, read without section headers. The zero
// value is an empty table. See https://gabi.xinuos.com/elf/05-symtab.html; for DT_GNU_HASH see the source of
// binutils and glibc, elf/dl-lookup.c.
type SymbolTable struct {
	f       *File
	syms    []byte // n entries
	n       int
	strs    string // contains the names of symbols
	versym  []byte // n entries of 16 bits, nil if there are no versions
	gnu     *gnuHash
	buckets []uint32 // DT_HASH
	chain   []uint32
}

// gnuHash is DT_GNU_HASH. The symbols of one bucket are adjacent. chain has their hashes; the lowest bit is set
// at the end of a bucket.
type gnuHash struct {
	first   uint32 // earlier symbols are not in the table
	buckets []uint32
	chain   []uint32
}

// Symbol is an entry of a symbol table.
type Symbol struct {
	Name    string
	Version uint16 // index in DT_VERSYM
	Hidden  bool   // behind a default version
	info    byte
	shndx   elf.SectionIndex
	value   uint64
}

// Symbols reads the dynamic symbol table. An object without one has an empty table. The file does not store the
// length of the table: the hash table gives the last defined symbol, and the relocations in bound give the last
// one that they refer to. GNU ld writes an empty hash table for a program that exports nothing. To look up only
// definitions, bound may be nil.
func (f *File) Symbols(d *Dynamic, bound []uint32) (*SymbolTable, error) {
	t := &SymbolTable{f: f}
	addr, ok := d.Tags[elf.DT_SYMTAB]
	if !ok {
		return t, nil
	}
	if err := t.readHash(d); err != nil {
		return nil, fmt.Errorf("symbol hash table: %w", err)
	}
	for _, i := range bound {
		if n := int64(i) + 1; n > int64(t.n) && n*int64(f.symSize()) <= f.tableLimit() {
			t.n = int(n)
		}
	}
	var err error
	if t.syms, err = f.readAddr(addr, uint64(t.n)*uint64(f.symSize())); err != nil {
		return nil, fmt.Errorf("symbol table: %w", err)
	}
	strs, err := f.readAddr(d.Tags[elf.DT_STRTAB], d.Tags[elf.DT_STRSZ])
	if err != nil {
		return nil, fmt.Errorf("string table: %w", err)
	}
	t.strs = string(strs)
	if addr, ok := d.Tags[elf.DT_VERSYM]; ok {
		if t.versym, err = f.readAddr(addr, uint64(t.n)*2); err != nil {
			return nil, fmt.Errorf("symbol versions: %w", err)
		}
	}
	return t, nil
}

// symSize is the size of Elf32_Sym or Elf64_Sym.
func (f *File) symSize() int {
	if f.Class == elf.ELFCLASS32 {
		return 16
	}
	return 24
}

// readAddr reads n bytes at a virtual address. They must be in one segment.
func (f *File) readAddr(addr, n uint64) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	off, left, ok := f.offset(addr)
	if !ok || n > left {
		return nil, fmt.Errorf("%d bytes at address %#x are in no segment", n, addr)
	}
	return f.Bytes(off, n)
}

// words reads n 32-bit words at a virtual address.
func (f *File) words(addr uint64, n uint32) ([]uint32, error) {
	b, err := f.readAddr(addr, uint64(n)*4)
	if err != nil {
		return nil, err
	}
	w := make([]uint32, n)
	for i := range w {
		w[i] = f.Order.Uint32(b[4*i:])
	}
	return w, nil
}

// readHash reads the hash table and, from it, the number of symbols.
func (t *SymbolTable) readHash(d *Dynamic) error {
	if addr, ok := d.Tags[elf.DT_GNU_HASH]; ok {
		return t.readGNUHash(addr)
	}
	addr, ok := d.Tags[elf.DT_HASH]
	if !ok {
		return nil
	}
	// On these two machines the words have 64 bits, against the specification.
	size := uint64(4)
	if t.f.Machine == elf.EM_S390 && t.f.Class == elf.ELFCLASS64 || t.f.Machine == elf.EM_ALPHA {
		size = 8
	}
	head, err := t.f.hashWords(addr, size, 2)
	if err != nil {
		return err
	}
	if t.buckets, err = t.f.hashWords(addr+2*size, size, head[0]); err != nil {
		return err
	}
	t.chain, err = t.f.hashWords(addr+2*size+size*uint64(head[0]), size, head[1])
	t.n = len(t.chain)
	return err
}

// hashWords reads n words of DT_HASH of the given size. Their values fit into 32 bits.
func (f *File) hashWords(addr, size uint64, n uint32) ([]uint32, error) {
	if size == 4 {
		return f.words(addr, n)
	}
	b, err := f.readAddr(addr, uint64(n)*size)
	if err != nil {
		return nil, err
	}
	w := make([]uint32, n)
	for i := range w {
		w[i] = uint32(f.Order.Uint64(b[8*i:]))
	}
	return w, nil
}

// readGNUHash reads DT_GNU_HASH. The table does not store the number of symbols: the last symbol of the last
// bucket is the last of all.
func (t *SymbolTable) readGNUHash(addr uint64) error {
	head, err := t.f.words(addr, 4)
	if err != nil {
		return err
	}
	h := &gnuHash{first: head[1]}
	word := uint64(8)
	if t.f.Class == elf.ELFCLASS32 {
		word = 4
	}
	at := addr + 16 + word*uint64(head[2]) // after the Bloom filter, which is an optimisation
	if h.buckets, err = t.f.words(at, head[0]); err != nil {
		return err
	}
	at += 4 * uint64(head[0])
	last := uint32(0)
	for _, b := range h.buckets {
		last = max(last, b)
	}
	n := h.first
	if last >= h.first && last != 0 {
		// The chain of the last bucket ends at the first word with its lowest bit set.
		for n = last; ; n++ {
			if int64(n)*int64(t.f.symSize()) > t.f.tableLimit() {
				return fmt.Errorf("%d symbols do not fit into a table of %d bytes", n, t.f.tableLimit())
			}
			w, err := t.f.words(at+4*uint64(n-h.first), 1)
			if err != nil {
				return err
			}
			if w[0]&1 != 0 {
				break
			}
		}
		n++
	}
	h.chain, err = t.f.words(at, n-h.first)
	t.gnu, t.n = h, int(n)
	return err
}

// Symbol decodes entry i. ok is false if the table has fewer entries.
func (t *SymbolTable) Symbol(i uint32) (s Symbol, ok bool) {
	if int(i) >= t.n {
		return Symbol{}, false
	}
	o, b := t.f.Order, t.syms[int(i)*t.f.symSize():]
	s = Symbol{Name: t.str(o.Uint32(b)), Version: 1}
	if t.f.Class == elf.ELFCLASS32 {
		s.value, s.info, s.shndx = uint64(o.Uint32(b[4:])), b[12], elf.SectionIndex(o.Uint16(b[14:]))
	} else {
		s.info, s.shndx, s.value = b[4], elf.SectionIndex(o.Uint16(b[6:])), o.Uint64(b[8:])
	}
	if t.versym != nil {
		v := o.Uint16(t.versym[2*i:])
		s.Version, s.Hidden = v&0x7fff, v&0x8000 != 0
	}
	return s, true
}

// str returns a string of the table, "" if it is out of range or longer than maxString. It does not copy the
// string: strings may overlap, and there may be one for each symbol.
func (t *SymbolTable) str(off uint32) string {
	if uint64(off) >= uint64(len(t.strs)) {
		return ""
	}
	s := t.strs[off:]
	s = s[:min(len(s), maxString)]
	n := strings.IndexByte(s, 0)
	if n < 0 {
		return ""
	}
	return s[:n]
}

// isDefinition reports whether a symbol can satisfy a reference (check_match in elf/dl-lookup.c).
func (s Symbol) isDefinition() bool {
	typ := elf.SymType(s.info & 0xf)
	switch typ {
	case elf.STT_NOTYPE, elf.STT_OBJECT, elf.STT_FUNC, elf.STT_COMMON, elf.STT_TLS, elf.STT_GNU_IFUNC:
	default:
		return false
	}
	if s.shndx == elf.SHN_UNDEF || elf.SymBind(s.info>>4) == elf.STB_LOCAL {
		return false
	}
	return s.value != 0 || s.shndx == elf.SHN_ABS || typ == elf.STT_TLS
}

// IsReference reports whether another object has to define the symbol. A weak symbol may stay undefined, and a
// local one is not looked up in other objects.
func (s Symbol) IsReference() bool {
	return s.shndx == elf.SHN_UNDEF && elf.SymBind(s.info>>4) == elf.STB_GLOBAL
}

// HasVersions reports whether the object has versions of symbols, DT_VERSYM.
func (t *SymbolTable) HasVersions() bool { return t.versym != nil }

// maxRow limits the steps in which one name is looked up. Rows of real tables have a few symbols.
const maxRow = 1 << 20

// Find returns the definitions of a name, one for each of its versions, and the steps that the search took. It looks
// the name up in the hash table, as the loaders do. Each symbol that it passes is one step or more. The search ends
// early in a row that is too long.
func (t *SymbolTable) Find(name string) (found []Symbol, steps int) {
	add := func(i uint32) {
		steps += 8 + len(name)/64
		if s, ok := t.symbolNamed(i, name); ok && s.isDefinition() {
			found = append(found, s)
		}
	}
	switch {
	case t.gnu != nil && len(t.gnu.buckets) > 0:
		hash := gnuHashOf(name)
		i := t.gnu.buckets[hash%uint32(len(t.gnu.buckets))]
		// The lowest bit of a hash is not stored; it marks the end of a bucket.
		for i >= t.gnu.first && i != 0 && int(i-t.gnu.first) < len(t.gnu.chain) && steps < maxRow {
			h := t.gnu.chain[i-t.gnu.first]
			if h|1 == hash|1 {
				add(i)
			}
			if h&1 != 0 {
				break
			}
			i++
			steps++
		}
	case len(t.buckets) > 0:
		i := t.buckets[sysvHashOf(name)%uint32(len(t.buckets))]
		// A chain of this table is a list of indices, which a bad file may close to a ring.
		for n := 0; i != 0 && int(i) < len(t.chain) && n < len(t.chain) && steps < maxRow; n++ {
			add(i)
			i = t.chain[i]
		}
	}
	return found, steps
}

// symbolNamed decodes entry i if it has the name. It does not read another name to its end.
func (t *SymbolTable) symbolNamed(i uint32, name string) (Symbol, bool) {
	if int(i) >= t.n {
		return Symbol{}, false
	}
	off := uint64(t.f.Order.Uint32(t.syms[int(i)*t.f.symSize():]))
	end := off + uint64(len(name))
	if len(name) >= maxString || end >= uint64(len(t.strs)) || t.strs[end] != 0 || t.strs[off:end] != name {
		return Symbol{}, false
	}
	return t.Symbol(i)
}

// Defines reports whether the object defines a name, in any version.
func (t *SymbolTable) Defines(name string) bool {
	found, _ := t.Find(name)
	return len(found) > 0
}

// gnuHashOf is the hash function of DT_GNU_HASH, Bernstein's.
func gnuHashOf(name string) uint32 {
	h := uint32(5381)
	for i := range len(name) {
		h = h*33 + uint32(name[i])
	}
	return h
}

// sysvHashOf is the hash function of DT_HASH, as in the gABI.
func sysvHashOf(name string) uint32 {
	var h uint32
	for i := range len(name) {
		h = h<<4 + uint32(name[i])
		h ^= h >> 24 & 0xf0
		h &= 0x0fffffff
	}
	return h
}

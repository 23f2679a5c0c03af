package elf

import "debug/elf"

// Bound returns the indices of the symbols that relocations refer to, each once: those of data, which the loader
// looks up when it starts the process, and those of the procedure linkage table, which it may look up at the first
// call of the function. Like "ldd -r", it returns both, because a program that ends in the middle of its work is
// no better than one that does not start.
func (f *File) Bound(d *Dynamic) ([]uint32, error) {
	if f.Machine == elf.EM_MIPS {
		return nil, nil // binds through its GOT, not through relocations
	}
	tables := []relocTable{
		{d.Tags[elf.DT_RELA], d.Tags[elf.DT_RELASZ], true},
		{d.Tags[elf.DT_REL], d.Tags[elf.DT_RELSZ], false},
		{d.Tags[elf.DT_JMPREL], d.Tags[elf.DT_PLTRELSZ], elf.DynTag(d.Tags[elf.DT_PLTREL]) == elf.DT_RELA},
	}
	seen := map[uint32]bool{}
	var out []uint32
	for _, t := range tables {
		b, err := f.readAddr(t.addr, t.size)
		if err != nil {
			return nil, err
		}
		size := f.relocSize(t.rela)
		// Relative relocations, most of them, have no symbol: index 0.
		for ; len(b) >= size; b = b[size:] {
			if i := f.relocSymbol(b); i != 0 && !seen[i] {
				seen[i] = true
				out = append(out, i)
			}
		}
	}
	return out, nil
}

// relocTable is a table of relocations. rela is set if its entries have addends.
type relocTable struct {
	addr, size uint64
	rela       bool
}

// relocSize is the size of Elf32_Rel, Elf32_Rela, Elf64_Rel or Elf64_Rela.
func (f *File) relocSize(rela bool) int {
	size := 16
	if rela {
		size = 24
	}
	if f.Class == elf.ELFCLASS32 {
		size /= 2
	}
	return size
}

// relocSymbol returns the symbol index of a relocation.
func (f *File) relocSymbol(b []byte) uint32 {
	if f.Class == elf.ELFCLASS32 {
		return f.Order.Uint32(b[4:]) >> 8
	}
	return uint32(f.Order.Uint64(b[8:]) >> 32)
}

package elftest

import (
	"debug/elf"
	"encoding/binary"
	"strings"
)

// OverlappingSymbols returns a library with n undefined symbols whose names are parts of one text.
func OverlappingSymbols(n, text int) []byte {
	o := binary.LittleEndian
	const head, dynamic = 64 + 2*56, 5 * 16
	hash := head + dynamic
	symbols := (hash + 4*(3+n) + 7) &^ 7
	strs := symbols + 24*n
	file := make([]byte, strs+text+2)
	copy(file, File{}.Bytes()[:64])
	o.PutUint16(file[56:], 2)
	for i, p := range [][3]int{{int(elf.PT_LOAD), 0, len(file)}, {int(elf.PT_DYNAMIC), head, dynamic}} {
		ph := file[64+56*i:]
		o.PutUint32(ph, uint32(p[0]))
		o.PutUint64(ph[8:], uint64(p[1]))
		o.PutUint64(ph[16:], uint64(p[1]))
		o.PutUint64(ph[32:], uint64(p[2]))
	}
	for i, e := range []Tag{{elf.DT_STRTAB, uint64(strs)}, {elf.DT_STRSZ, uint64(text + 2)}, {elf.DT_SYMTAB, uint64(symbols)}, {elf.DT_HASH, uint64(hash)}} {
		o.PutUint64(file[head+16*i:], uint64(e.Tag))
		o.PutUint64(file[head+16*i+8:], e.Val)
	}
	o.PutUint32(file[hash:], 1)
	o.PutUint32(file[hash+4:], uint32(n))
	for i := 1; i < n; i++ {
		o.PutUint32(file[symbols+24*i:], uint32(min(i, text)))
		file[symbols+24*i+4] = 0x12 // a global function
	}
	copy(file[strs+1:], strings.Repeat("b", text))
	return file
}

// OverlappingSegments returns a file with a thousand segments that are the same part of it.
func OverlappingSegments(typ elf.ProgType, size int) []byte {
	o := binary.LittleEndian
	const n = 1000
	file := make([]byte, 64+56*n+size)
	copy(file, File{}.Bytes()[:64])
	o.PutUint16(file[56:], n)
	for i := range n {
		ph := file[64+56*i:]
		o.PutUint32(ph, uint32(typ))
		o.PutUint32(ph[4:], uint32(elf.PF_R))
		o.PutUint64(ph[8:], 64+56*n)
		o.PutUint64(ph[32:], uint64(size))
		o.PutUint64(ph[48:], 4)
	}
	return file
}

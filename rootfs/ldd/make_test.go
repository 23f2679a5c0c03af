package ldd

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"
)

// fakeELF describes an ELF file to make: small, without sections, but valid for the real loaders. The zero
// value is an x86-64 shared library.
type fakeELF struct {
	Machine elf.Machine // 0: EM_X86_64
	Class32 bool
	Big     bool // big endian
	Type    elf.Type
	Interp  string
	Flags   uint32
	Soname  string
	Needed  []string
	Rpath   string
	Runpath string
	Aux     []string // DT_AUXILIARY, before DT_NEEDED
	Filter  []string // DT_FILTER, likewise
	Flags1  uint64
	Tags    []dynEntry // additional entries, verbatim
	Change  func(file []byte)
}

const pageSize = 0x1000

// bytes returns the file. Everything is in one segment at address 0, so that offsets are addresses.
func (m fakeELF) bytes() []byte {
	w := &writer{order: binary.ByteOrder(binary.LittleEndian), wide: !m.Class32}
	if m.Big {
		w.order = binary.BigEndian
	}
	head, phent := 64, 56
	if m.Class32 {
		head, phent = 52, 32
	}
	strs := bytes.NewBuffer([]byte{0})
	str := func(s string) uint64 {
		at := strs.Len()
		strs.WriteString(s + "\x00")
		return uint64(at)
	}
	dyn := m.entries(str)
	const phnum = 4
	interpAt := head + phnum*phent
	dynAt := (interpAt + len(m.Interp) + 1 + 15) &^ 15
	dynSize := (len(dyn) + 6) * w.word() * 2
	hashAt := dynAt + dynSize
	symAt := hashAt + 16
	strAt := symAt + 24
	dyn = append(dyn,
		dynEntry{elf.DT_STRTAB, uint64(strAt)}, dynEntry{elf.DT_STRSZ, uint64(strs.Len())},
		dynEntry{elf.DT_SYMTAB, uint64(symAt)}, dynEntry{elf.DT_SYMENT, uint64(w.word()*2 + 8)},
		dynEntry{elf.DT_HASH, uint64(hashAt)}, dynEntry{elf.DT_NULL, 0})
	size := strAt + strs.Len()

	w.header(m, head, phent, phnum)
	w.prog(elf.PT_LOAD, elf.PF_R|elf.PF_W, 0, size, pageSize)
	w.prog(elf.PT_DYNAMIC, elf.PF_R|elf.PF_W, dynAt, dynSize, 8)
	w.prog(elf.PT_GNU_STACK, elf.PF_R|elf.PF_W, 0, 0, 16)
	if m.Interp != "" {
		w.prog(elf.PT_INTERP, elf.PF_R, interpAt, len(m.Interp)+1, 1)
	} else {
		w.prog(elf.PT_NULL, 0, 0, 0, 0)
	}
	w.buf.WriteString(m.Interp)
	w.pad(dynAt)
	for _, e := range dyn {
		w.addr(uint64(e.tag))
		w.addr(e.val)
	}
	w.u32(1, 1, 0, 0) // one bucket, one symbol: the empty one
	w.pad(strAt)
	w.buf.Write(strs.Bytes())
	file := w.buf.Bytes()
	if m.Change != nil {
		m.Change(file)
	}
	return file
}

func (m fakeELF) entries(str func(string) uint64) []dynEntry {
	var dyn []dynEntry
	for _, s := range m.Aux {
		dyn = append(dyn, dynEntry{elf.DT_AUXILIARY, str(s)})
	}
	for _, s := range m.Filter {
		dyn = append(dyn, dynEntry{elf.DT_FILTER, str(s)})
	}
	for _, s := range m.Needed {
		dyn = append(dyn, dynEntry{elf.DT_NEEDED, str(s)})
	}
	if m.Soname != "" {
		dyn = append(dyn, dynEntry{elf.DT_SONAME, str(m.Soname)})
	}
	if m.Rpath != "" {
		dyn = append(dyn, dynEntry{elf.DT_RPATH, str(m.Rpath)})
	}
	if m.Runpath != "" {
		dyn = append(dyn, dynEntry{elf.DT_RUNPATH, str(m.Runpath)})
	}
	if m.Flags1 != 0 {
		dyn = append(dyn, dynEntry{elf.DT_FLAGS_1, m.Flags1})
	}
	return append(dyn, m.Tags...)
}

// writer encodes ELF structures of either class and byte order.
type writer struct {
	buf   bytes.Buffer
	order binary.ByteOrder
	wide  bool
}

func (w *writer) word() int {
	if w.wide {
		return 8
	}
	return 4
}

func (w *writer) u16(vals ...uint16) {
	for _, v := range vals {
		_ = binary.Write(&w.buf, w.order, v)
	}
}

func (w *writer) u32(vals ...uint32) {
	for _, v := range vals {
		_ = binary.Write(&w.buf, w.order, v)
	}
}

func (w *writer) addr(v uint64) {
	if w.wide {
		_ = binary.Write(&w.buf, w.order, v)
		return
	}
	w.u32(uint32(v))
}

func (w *writer) pad(to int) {
	w.buf.Write(make([]byte, to-w.buf.Len()))
}

func (w *writer) header(m fakeELF, head, phent, phnum int) {
	class, data := elf.ELFCLASS64, elf.ELFDATA2LSB
	if m.Class32 {
		class = elf.ELFCLASS32
	}
	if m.Big {
		data = elf.ELFDATA2MSB
	}
	machine, typ := m.Machine, m.Type
	if machine == 0 {
		machine = elf.EM_X86_64
	}
	if typ == 0 {
		typ = elf.ET_DYN
	}
	w.buf.WriteString(elf.ELFMAG)
	w.buf.Write([]byte{byte(class), byte(data), byte(elf.EV_CURRENT), 0, 0, 0, 0, 0, 0, 0, 0, 0})
	w.u16(uint16(typ), uint16(machine))
	w.u32(uint32(elf.EV_CURRENT))
	w.addr(0)            // entry
	w.addr(uint64(head)) // program headers
	w.addr(0)            // section headers
	w.u32(m.Flags)
	w.u16(uint16(head), uint16(phent), uint16(phnum), 0, 0, 0)
}

func (w *writer) prog(typ elf.ProgType, flags elf.ProgFlag, off, size, align int) {
	w.u32(uint32(typ))
	if w.wide {
		w.u32(uint32(flags))
	}
	w.addr(uint64(off))
	w.addr(uint64(off))
	w.addr(uint64(off))
	w.addr(uint64(size))
	w.addr(uint64(size))
	if !w.wide {
		w.u32(uint32(flags))
	}
	w.addr(uint64(align))
}

// A made file is read back, for both classes and byte orders.
func TestReadMade(t *testing.T) {
	for name, m := range map[string]fakeELF{
		"64 bit little endian": {},
		"64 bit big endian":    {Big: true, Machine: elf.EM_S390},
		"32 bit little endian": {Class32: true, Machine: elf.EM_386},
		"32 bit big endian":    {Class32: true, Big: true, Machine: elf.EM_PPC},
	} {
		t.Run(name, func(t *testing.T) {
			m.Interp, m.Soname, m.Needed, m.Runpath = "/lib/ld.so", "liba.so.1", []string{"libb.so", "libc.so"}, "/x:$ORIGIN"
			m.Flags1 = uint64(elf.DF_1_NODEFLIB)
			f, d := readFake(t, m.bytes())
			if interp, err := f.interp(); interp != m.Interp || err != nil {
				t.Errorf("interpreter %q, %v", interp, err)
			}
			if d.soname != m.Soname || d.runpath != m.Runpath || !d.hasRunpath || d.rpath != "" || d.flags1 != elf.DF_1_NODEFLIB {
				t.Errorf("dynamic section: %+v", d)
			}
			if len(d.deps) != 2 || d.deps[0].name != "libb.so" || d.deps[1].name != "libc.so" {
				t.Errorf("dependencies: %v", d.deps)
			}
		})
	}
}

func readFake(t *testing.T, file []byte) (*elfFile, *dynamic) {
	t.Helper()
	f, err := readELF(bytesAt(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.dynamic()
	if err != nil {
		t.Fatal(err)
	}
	return f, d
}

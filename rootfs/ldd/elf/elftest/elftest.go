// Package elftest makes small ELF files for tests.
package elftest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
)

// File describes an ELF file to make: small, without sections, but valid for the real loaders. The zero
// value is an x86-64 shared library.
type File struct {
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
	Tags    []Tag // additional entries, verbatim
	Change  func(file []byte)
}

// Tag is an entry of the dynamic section.
type Tag struct {
	Tag elf.DynTag
	Val uint64
}

const pageSize = 0x1000

// Bytes returns the file. Everything is in one segment at address 0, so that offsets are addresses.
func (m File) Bytes() []byte {
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
		Tag{elf.DT_STRTAB, uint64(strAt)}, Tag{elf.DT_STRSZ, uint64(strs.Len())},
		Tag{elf.DT_SYMTAB, uint64(symAt)}, Tag{elf.DT_SYMENT, uint64(w.word()*2 + 8)},
		Tag{elf.DT_HASH, uint64(hashAt)}, Tag{elf.DT_NULL, 0})
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
		w.addr(uint64(e.Tag))
		w.addr(e.Val)
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

func (m File) entries(str func(string) uint64) []Tag {
	var dyn []Tag
	for _, s := range m.Aux {
		dyn = append(dyn, Tag{elf.DT_AUXILIARY, str(s)})
	}
	for _, s := range m.Filter {
		dyn = append(dyn, Tag{elf.DT_FILTER, str(s)})
	}
	for _, s := range m.Needed {
		dyn = append(dyn, Tag{elf.DT_NEEDED, str(s)})
	}
	if m.Soname != "" {
		dyn = append(dyn, Tag{elf.DT_SONAME, str(m.Soname)})
	}
	if m.Rpath != "" {
		dyn = append(dyn, Tag{elf.DT_RPATH, str(m.Rpath)})
	}
	if m.Runpath != "" {
		dyn = append(dyn, Tag{elf.DT_RUNPATH, str(m.Runpath)})
	}
	if m.Flags1 != 0 {
		dyn = append(dyn, Tag{elf.DT_FLAGS_1, m.Flags1})
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

func (w *writer) header(m File, head, phent, phnum int) {
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

// Note is an entry of a PT_NOTE segment.
type Note struct {
	Owner string // with its NUL
	Type  uint32
	Desc  []byte
}

// WithNotes appends notes to a made file and makes its third program header a segment with them.
func WithNotes(file []byte, notes ...Note) []byte {
	at := len(file)
	o := binary.LittleEndian
	file = append(file, Segment(notes...)...)
	ph := file[64+2*56:]
	o.PutUint32(ph, uint32(elf.PT_NOTE))
	o.PutUint32(ph[4:], uint32(elf.PF_R))
	o.PutUint64(ph[8:], uint64(at))
	o.PutUint64(ph[32:], uint64(len(file)-at))
	o.PutUint64(ph[48:], 4)
	return file
}

// Segment encodes notes.
func Segment(notes ...Note) []byte {
	var b []byte
	o := binary.LittleEndian
	for _, n := range notes {
		b = o.AppendUint32(b, uint32(len(n.Owner)))
		b = o.AppendUint32(b, uint32(len(n.Desc)))
		b = o.AppendUint32(b, n.Type)
		for _, part := range []string{n.Owner, string(n.Desc)} {
			b = append(b, part...)
			b = append(b, make([]byte, -len(part)&3)...)
		}
	}
	return b
}

// DlopenNote returns a note of .note.dlopen.
func DlopenNote(text string) Note { return Note{"FDO\x00", 0x407c0c0a, []byte(text + "\x00")} }

// WithConstants appends strings to a made file and makes its third program header a read-only segment with
// them.
func WithConstants(file []byte, strs ...string) []byte {
	at := len(file)
	file = append(file, "\x00"+strings.Join(strs, "\x00")+"\x00"...)
	ph := file[64+2*56:]
	o := binary.LittleEndian
	o.PutUint32(ph, uint32(elf.PT_LOAD))
	o.PutUint32(ph[4:], uint32(elf.PF_R))
	o.PutUint64(ph[8:], uint64(at))
	o.PutUint64(ph[16:], uint64(at)+0x100000)
	o.PutUint64(ph[32:], uint64(len(file)-at))
	return file
}

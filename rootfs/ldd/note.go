package ldd

import (
	"debug/elf"
	"errors"
)

// Limits on notes. A big library has a few hundred bytes of them.
const (
	maxNotes = 1 << 20 // bytes in all segments of a file
	ptGNU    = 5       // NT_GNU_PROPERTY_TYPE_0
)

// note is an entry of a PT_NOTE segment, https://gabi.xinuos.com/elf/07-pheader.html#note-sections.
type note struct {
	owner string // with its NUL
	typ   uint32
	desc  []byte
}

// notes reads all notes of the file. With an error it also returns the notes before it.
func (f *elfFile) notes() ([]note, error) {
	var out []note
	left := uint64(maxNotes)
	for _, p := range f.progs {
		if p.typ != elf.PT_NOTE {
			continue
		}
		if p.filesz > left {
			return out, errors.New("more notes than the limit")
		}
		left -= p.filesz
		b, err := f.bytes(p.off, p.filesz)
		if err != nil {
			return out, err
		}
		// Entries are aligned to 4 bytes, or to 8 in segments with that alignment.
		align := uint64(4)
		if p.align == 8 {
			align = 8
		}
		part, err := f.splitNotes(b, align)
		out = append(out, part...)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// splitNotes splits a segment: u32 size of the owner, u32 size of the description, u32 type, owner,
// description, both padded.
func (f *elfFile) splitNotes(b []byte, align uint64) ([]note, error) {
	var out []note
	for len(b) >= 12 {
		namesz, descsz := uint64(f.order.Uint32(b)), uint64(f.order.Uint32(b[4:]))
		desc := up(12+namesz, align)
		if desc+descsz > uint64(len(b)) {
			return out, errors.New("a note is cut off")
		}
		out = append(out, note{string(b[12 : 12+namesz]), f.order.Uint32(b[8:]), b[desc : desc+descsz]})
		b = b[min(up(desc+descsz, align), uint64(len(b))):]
	}
	return out, nil
}

// isaNeeded returns GNU_PROPERTY_X86_ISA_1_NEEDED: a bit for the baseline and one for each level above,
// https://gitlab.com/x86-psABIs/x86-64-ABI, "Program Property". The loader does not start a program on a CPU
// below the level that one of its objects needs (glibc's sysdeps/x86/dl-prop.h).
func (f *elfFile) isaNeeded() uint32 {
	if f.machine != elf.EM_X86_64 && f.machine != elf.EM_386 {
		return 0
	}
	const needed = 0xc0008002
	notes, _ := f.notes() // damaged notes are ignored
	for _, n := range notes {
		if n.owner != "GNU\x00" || n.typ != ptGNU {
			continue
		}
		// u32 type, u32 size, data padded like an address.
		for b := n.desc; len(b) >= 12; {
			size := uint64(f.order.Uint32(b[4:]))
			if f.order.Uint32(b) == needed && size == 4 {
				return f.order.Uint32(b[8:])
			}
			align := uint64(8)
			if f.class == elf.ELFCLASS32 {
				align = 4
			}
			b = b[min(8+up(size, align), uint64(len(b))):]
		}
	}
	return 0
}

// isaLevel returns the highest level in GNU_PROPERTY_X86_ISA_1_NEEDED, "" for the baseline.
func isaLevel(needed uint32) string {
	for i, level := range []string{"x86-64-v4", "x86-64-v3", "x86-64-v2"} {
		if needed&(8>>i) != 0 {
			return level
		}
	}
	return ""
}

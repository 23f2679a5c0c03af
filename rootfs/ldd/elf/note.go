package elf

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
func (f *File) notes() ([]note, error) {
	var out []note
	left := uint64(maxNotes)
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE {
			continue
		}
		if p.Filesz > left {
			return out, errors.New("more notes than the limit")
		}
		left -= p.Filesz
		b, err := f.Bytes(p.Off, p.Filesz)
		if err != nil {
			return out, err
		}
		// Entries are aligned to 4 bytes, or to 8 in segments with that alignment.
		align := uint64(4)
		if p.Align == 8 {
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
func (f *File) splitNotes(b []byte, align uint64) ([]note, error) {
	var out []note
	for len(b) >= 12 {
		namesz, descsz := uint64(f.Order.Uint32(b)), uint64(f.Order.Uint32(b[4:]))
		desc := up(12+namesz, align)
		if desc+descsz > uint64(len(b)) {
			return out, errors.New("a note is cut off")
		}
		out = append(out, note{string(b[12 : 12+namesz]), f.Order.Uint32(b[8:]), b[desc : desc+descsz]})
		b = b[min(up(desc+descsz, align), uint64(len(b))):]
	}
	return out, nil
}

// ISANeeded returns GNU_PROPERTY_X86_ISA_1_NEEDED: a bit for the baseline and one for each level above,
// https://gitlab.com/x86-psABIs/x86-64-ABI, "Program Property". The loader does not start a program on a CPU
// below the level that one of its objects needs (glibc's sysdeps/x86/dl-prop.h).
func (f *File) ISANeeded() uint32 {
	if f.Machine != elf.EM_X86_64 && f.Machine != elf.EM_386 {
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
			size := uint64(f.Order.Uint32(b[4:]))
			if f.Order.Uint32(b) == needed && size == 4 {
				return f.Order.Uint32(b[8:])
			}
			align := uint64(8)
			if f.Class == elf.ELFCLASS32 {
				align = 4
			}
			b = b[min(8+up(size, align), uint64(len(b))):]
		}
	}
	return 0
}

// ABITag returns the system that the file is for, from the note "GNU", type 1 (NT_GNU_ABI_TAG): 0 is Linux. It
// returns 0 if there is no such note. Like glibc, it skips segments that are too short for the note or have
// another alignment than 4 or 8 bytes.
func (f *File) ABITag() (uint32, error) {
	left := uint64(maxNotes)
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE || p.Filesz < 32 || (p.Align != 4 && p.Align != 8) {
			continue
		}
		if p.Filesz > left {
			return 0, errors.New("it has more notes than the limit")
		}
		left -= p.Filesz
		note, err := f.Bytes(p.Off, p.Filesz)
		if err != nil {
			return 0, errors.New("cannot read file data")
		}
		for len(note) >= 32 {
			namesz, descsz := uint64(f.Order.Uint32(note)), uint64(f.Order.Uint32(note[4:]))
			if namesz == 4 && descsz == 16 && f.Order.Uint32(note[8:]) == 1 && string(note[12:16]) == "GNU\x00" {
				return f.Order.Uint32(note[16:]), nil
			}
			// ELF_NOTE_NEXT_OFFSET: the description is aligned, and so is the next note.
			size := up(up(12+namesz, p.Align)+descsz, p.Align)
			if size > uint64(len(note)) {
				break
			}
			note = note[size:]
		}
	}
	return 0, nil
}

// up rounds n up to a multiple of align, a power of two.
func up(n, align uint64) uint64 { return (n + align - 1) &^ (align - 1) }

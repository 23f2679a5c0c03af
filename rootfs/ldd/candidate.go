package ldd

import (
	"debug/elf"
	"errors"
	"fmt"
)

// Constants that debug/elf lacks.
const (
	osabiARM     = 97 // ELFOSABI_ARM, superseded by ELFOSABI_ARM_AEABI
	osabiAEABI   = 64
	libcABIMax   = 5          // LIBC_ABI_MAX: ABIVERSION of ELFOSABI_GNU is below it, include/libc-abis.h
	armHardFloat = 0x400      // EF_ARM_ABI_FLOAT_HARD
	riscvFloat   = 0x6        // EF_RISCV_FLOAT_ABI
	loongarchABI = 0x7        // EF_LOONGARCH_ABI_MODIFIER_MASK
	ppc64ABI     = 0x3        // EF_PPC64_ABI
	pieFlag      = 0x08000000 // DF_1_PIE
)

// mismatch says why the loader cannot load a file. The loader continues its search.
type mismatch string

// Error says what the file is instead.
func (m mismatch) Error() string { return string(m) }

// openVerify reads the headers of a file that a search found. It makes the checks of open_verify in glibc's
// elf/dl-load.c, in the same order. After a [mismatch] the search continues, any other error ends it.
func openVerify(c *Content, want *header) (*elfFile, error) {
	f := &elfFile{r: c, size: c.Size}
	if c.Size < headerSize(want.class) {
		return nil, errors.New("file too short")
	}
	if _, err := readFull(c, f.ident[:], 0); err != nil {
		return nil, err
	}
	// The order matters: a text file is an error, but a library of the other class is skipped, whatever else is
	// wrong with it.
	if err := f.checkIdent(want); err != nil {
		return nil, err
	}
	if err := f.readHeader(); err != nil {
		return nil, err
	}
	switch {
	case f.version != uint32(elf.EV_CURRENT):
		return nil, errors.New("ELF file version does not match current one")
	case !f.sameMachine(want):
		return nil, mismatch(fmt.Sprintf("is for %s", f.machine))
	case f.typ != elf.ET_DYN && f.typ != elf.ET_EXEC:
		return nil, errors.New("only ET_DYN and ET_EXEC can be loaded")
	case int(f.phentsize) != progSize(f.class):
		return nil, errors.New("ELF file's phentsize not the expected size")
	}
	if err := f.readProgs(); err != nil {
		return nil, err
	}
	return f, f.checkABITag()
}

// checkIdent checks e_ident.
func (f *elfFile) checkIdent(want *header) error {
	id := f.ident
	osabi, abi := elf.OSABI(id[elf.EI_OSABI]), id[elf.EI_ABIVERSION]
	switch {
	case string(id[:4]) != elf.ELFMAG: // for example a linker script, which the linker accepts as libfoo.so
		return fmt.Errorf("invalid ELF header: %w", f.notELF())
	case elf.Class(id[elf.EI_CLASS]) != want.class:
		return mismatch(fmt.Sprintf("is %s", elf.Class(id[elf.EI_CLASS])))
	case id[elf.EI_DATA] != want.ident[elf.EI_DATA]:
		return errors.New("ELF file data encoding is not that of the loader")
	case id[elf.EI_VERSION] != byte(elf.EV_CURRENT):
		return errors.New("ELF file version ident does not match current one")
	case !validOSABI(osabi, want.machine):
		return fmt.Errorf("ELF file OS ABI invalid (%s)", osabi)
	// A library that uses a newer feature of the loader, such as IRELATIVE relocations, sets the ABI version.
	case abi != 0 && (osabi != elf.ELFOSABI_LINUX || abi >= libcABIMax):
		return fmt.Errorf("ELF file ABI version invalid (%d)", abi)
	case [7]byte(id[9:]) != [7]byte{}:
		return errors.New("nonzero padding in e_ident")
	}
	return nil
}

// validOSABI is VALID_ELF_OSABI of the machine: System V and GNU, and for 32-bit ARM its own two.
func validOSABI(osabi elf.OSABI, m elf.Machine) bool {
	switch osabi {
	case elf.ELFOSABI_NONE, elf.ELFOSABI_LINUX:
		return true
	case osabiAEABI, osabiARM:
		return m == elf.EM_ARM
	}
	return false
}

// sameMachine is elf_machine_matches_host. It compares the machine and, if the machine has several, the calling
// convention.
func (h *header) sameMachine(want *header) bool {
	if h.machine != want.machine {
		return false
	}
	var mask uint32
	switch h.machine {
	case elf.EM_RISCV:
		mask = riscvFloat
	case elf.EM_LOONGARCH:
		mask = loongarchABI
	case elf.EM_PPC64:
		mask = ppc64ABI
		if h.flags&mask == 0 || want.flags&mask == 0 {
			return true // unspecified matches both
		}
	}
	return h.flags&mask == want.flags&mask
}

// checkABITag reads the note "GNU", type 1, which holds the system that the file is for; 0 is Linux.
func (f *elfFile) checkABITag() error {
	left := uint64(maxNotes)
	for _, p := range f.progs {
		if p.typ != elf.PT_NOTE || p.filesz < 32 || (p.align != 4 && p.align != 8) {
			continue
		}
		if p.filesz > left {
			return errors.New("it has more notes than the limit")
		}
		left -= p.filesz
		note, err := f.bytes(p.off, p.filesz)
		if err != nil {
			return errors.New("cannot read file data")
		}
		for len(note) >= 32 {
			namesz, descsz := uint64(f.order.Uint32(note)), uint64(f.order.Uint32(note[4:]))
			if namesz == 4 && descsz == 16 && f.order.Uint32(note[8:]) == 1 && string(note[12:16]) == "GNU\x00" {
				if os := f.order.Uint32(note[16:]); os != 0 {
					return mismatch(fmt.Sprintf("is for another system (ABI tag %d)", os))
				}
				return nil
			}
			// ELF_NOTE_NEXT_OFFSET: the description is aligned, and so is the next note.
			size := up(up(12+namesz, p.align)+descsz, p.align)
			if size > uint64(len(note)) {
				break
			}
			note = note[size:]
		}
	}
	return nil
}

// up rounds n up to a multiple of align, a power of two.
func up(n, align uint64) uint64 { return (n + align - 1) &^ (align - 1) }

// checkMappable makes the checks of glibc when it maps a library, in _dl_map_object_from_fd.
func (f *elfFile) checkMappable(d *dynamic) error {
	// This is not part of openVerify, because a file that is mapped already by another name is not checked
	// again.
	loads := 0
	for _, p := range f.progs {
		if p.typ == elf.PT_LOAD {
			loads++
		}
	}
	switch {
	case loads == 0:
		return errors.New("object file has no loadable segments")
	case f.typ != elf.ET_DYN:
		return errors.New("cannot dynamically load executable")
	case d.flags1&pieFlag != 0:
		return errors.New("cannot dynamically load position-independent executable")
	}
	return nil
}

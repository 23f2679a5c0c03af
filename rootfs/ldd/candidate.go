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
	if c.Size < headerSize(want.class) {
		return nil, errors.New("file too short")
	}
	var ident [elf.EI_NIDENT]byte
	if err := c.fill(ident[:], 0); err != nil {
		return nil, err
	}
	// The order matters: a text file is an error, but a library of the other class is skipped, whatever else is
	// wrong with it.
	if string(ident[:4]) != elf.ELFMAG { // for example a linker script, which the linker accepts as libfoo.so
		_, err := readELFHeader(c, c.Size)
		return nil, fmt.Errorf("invalid ELF header: %w", err)
	}
	if err := checkIdent(ident, want); err != nil {
		return nil, err
	}
	f, err := readELFHeader(c, c.Size)
	if err != nil {
		return nil, err
	}
	switch {
	case f.version != uint32(elf.EV_CURRENT):
		return nil, errors.New("ELF file version does not match current one")
	case !sameMachine(&f.header, want):
		return nil, mismatch(fmt.Sprintf("is for %s", f.machine))
	case f.typ != elf.ET_DYN && f.typ != elf.ET_EXEC:
		return nil, errors.New("only ET_DYN and ET_EXEC can be loaded")
	case int(f.phentsize) != progSize(f.class):
		return nil, errors.New("ELF file's phentsize not the expected size")
	}
	if err := f.readProgs(); err != nil {
		return nil, err
	}
	return f, checkABITag(f)
}

// checkIdent checks e_ident.
func checkIdent(id [elf.EI_NIDENT]byte, want *header) error {
	osabi, abi := elf.OSABI(id[elf.EI_OSABI]), id[elf.EI_ABIVERSION]
	switch {
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
func sameMachine(h, want *header) bool {
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

// checkABITag checks that a file is for Linux.
func checkABITag(f *elfFile) error {
	system, err := f.abiTag()
	if err == nil && system != 0 {
		err = mismatch(fmt.Sprintf("is for another system (ABI tag %d)", system))
	}
	return err
}

// checkMappable makes the checks of glibc when it maps a library, in _dl_map_object_from_fd.
func checkMappable(f *elfFile, d *dynamic) error {
	// This is not part of openVerify, because a file that is mapped already by another name is not checked
	// again.
	loads := 0
	for _, p := range f.progs {
		if p.Type == elf.PT_LOAD {
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

package ldd

import (
	debugelf "debug/elf"
	"errors"
	"fmt"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
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
func openVerify(c *Content, want *elf.Header) (*elf.File, error) {
	if c.Size < elf.HeaderSize(want.Class) {
		return nil, errors.New("file too short")
	}
	var ident [debugelf.EI_NIDENT]byte
	if err := c.fill(ident[:], 0); err != nil {
		return nil, err
	}
	// The order matters: a text file is an error, but a library of the other class is skipped, whatever else is
	// wrong with it.
	if string(ident[:4]) != debugelf.ELFMAG { // for example a linker script, which the linker accepts as libfoo.so
		_, err := elf.ReadHeader(c, c.Size)
		return nil, fmt.Errorf("invalid ELF header: %w", err)
	}
	if err := checkIdent(ident, want); err != nil {
		return nil, err
	}
	f, err := elf.ReadHeader(c, c.Size)
	if err != nil {
		return nil, err
	}
	switch {
	case f.Version != uint32(debugelf.EV_CURRENT):
		return nil, errors.New("ELF file version does not match current one")
	case !sameMachine(&f.Header, want):
		return nil, mismatch(fmt.Sprintf("is for %s", f.Machine))
	case f.Type != debugelf.ET_DYN && f.Type != debugelf.ET_EXEC:
		return nil, errors.New("only ET_DYN and ET_EXEC can be loaded")
	case int(f.Phentsize) != elf.ProgSize(f.Class):
		return nil, errors.New("ELF file's phentsize not the expected size")
	}
	if err := f.ReadProgs(); err != nil {
		return nil, err
	}
	return f, checkABITag(f)
}

// checkIdent checks e_ident.
func checkIdent(id [debugelf.EI_NIDENT]byte, want *elf.Header) error {
	osabi, abi := debugelf.OSABI(id[debugelf.EI_OSABI]), id[debugelf.EI_ABIVERSION]
	switch {
	case debugelf.Class(id[debugelf.EI_CLASS]) != want.Class:
		return mismatch(fmt.Sprintf("is %s", debugelf.Class(id[debugelf.EI_CLASS])))
	case id[debugelf.EI_DATA] != want.Ident[debugelf.EI_DATA]:
		return errors.New("ELF file data encoding is not that of the loader")
	case id[debugelf.EI_VERSION] != byte(debugelf.EV_CURRENT):
		return errors.New("ELF file version ident does not match current one")
	case !validOSABI(osabi, want.Machine):
		return fmt.Errorf("ELF file OS ABI invalid (%s)", osabi)
	// A library that uses a newer feature of the loader, such as IRELATIVE relocations, sets the ABI version.
	case abi != 0 && (osabi != debugelf.ELFOSABI_LINUX || abi >= libcABIMax):
		return fmt.Errorf("ELF file ABI version invalid (%d)", abi)
	case [7]byte(id[9:]) != [7]byte{}:
		return errors.New("nonzero padding in e_ident")
	}
	return nil
}

// validOSABI is VALID_ELF_OSABI of the machine: System V and GNU, and for 32-bit ARM its own two.
func validOSABI(osabi debugelf.OSABI, m debugelf.Machine) bool {
	switch osabi {
	case debugelf.ELFOSABI_NONE, debugelf.ELFOSABI_LINUX:
		return true
	case osabiAEABI, osabiARM:
		return m == debugelf.EM_ARM
	}
	return false
}

// sameMachine is elf_machine_matches_host. It compares the machine and, if the machine has several, the calling
// convention.
func sameMachine(h, want *elf.Header) bool {
	if h.Machine != want.Machine {
		return false
	}
	var mask uint32
	switch h.Machine {
	case debugelf.EM_RISCV:
		mask = riscvFloat
	case debugelf.EM_LOONGARCH:
		mask = loongarchABI
	case debugelf.EM_PPC64:
		mask = ppc64ABI
		if h.Flags&mask == 0 || want.Flags&mask == 0 {
			return true // unspecified matches both
		}
	}
	return h.Flags&mask == want.Flags&mask
}

// checkABITag checks that a file is for Linux.
func checkABITag(f *elf.File) error {
	system, err := f.ABITag()
	if err == nil && system != 0 {
		err = mismatch(fmt.Sprintf("is for another system (ABI tag %d)", system))
	}
	return err
}

// executableError is glibc's refusal of a program that is opened as a library.
type executableError struct{ text string }

func (e *executableError) Error() string { return e.text }

// checkMappable makes the checks of glibc when it maps a library, in _dl_map_object_from_fd.
func checkMappable(f *elf.File, d *elf.Dynamic) error {
	// This is not part of openVerify, because a file that is mapped already by another name is not checked
	// again.
	loads := 0
	for _, p := range f.Progs {
		if p.Type == debugelf.PT_LOAD {
			loads++
		}
	}
	switch {
	case loads == 0:
		return errors.New("object file has no loadable segments")
	case f.Type != debugelf.ET_DYN:
		return &executableError{"cannot dynamically load executable"}
	case d.Flags1&pieFlag != 0:
		return &executableError{"cannot dynamically load position-independent executable"}
	}
	return nil
}

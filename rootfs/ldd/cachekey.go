package ldd

import (
	debugelf "debug/elf"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// cacheAccepts reports whether an entry is for this machine (_dl_cache_check_flags).
func cacheAccepts(h *elf.Header, flags uint32) bool {
	// Some loaders also accept what ldconfig could not distinguish: soft float for ARM, libc5 for i386.
	id := cacheFlags(h)
	switch h.Machine {
	case debugelf.EM_ARM:
		return flags == id || flags == 3
	case debugelf.EM_386:
		return flags == id || flags == 1
	}
	return flags == id
}

// Flags of a cache entry (sysdeps/generic/ldconfig.h). The low byte is FLAG_ELF_LIBC6.
const (
	flagLibc6        = 0x0003
	flagX8664        = 0x0303
	flagS390x        = 0x0403
	flagPPC64        = 0x0503
	flagX32          = 0x0803
	flagARMHardFloat = 0x0903
	flagAArch64      = 0x0a03
	flagRISCVSoft    = 0x0f03
	flagRISCVDouble  = 0x1003
	flagLoongSoft    = 0x1103
	flagLoongDouble  = 0x1203
)

// cacheFlags returns the flags of libraries for a machine. The loader's own header decides: x32 is x86-64 with
// 32-bit files.
func cacheFlags(h *elf.Header) uint32 {
	switch h.Machine {
	case debugelf.EM_X86_64:
		if h.Class == debugelf.ELFCLASS32 {
			return flagX32
		}
		return flagX8664
	case debugelf.EM_AARCH64:
		return flagAArch64
	case debugelf.EM_ARM:
		if h.Flags&armHardFloat != 0 {
			return flagARMHardFloat
		}
	case debugelf.EM_S390:
		if h.Class == debugelf.ELFCLASS64 {
			return flagS390x
		}
	case debugelf.EM_PPC64:
		return flagPPC64
	case debugelf.EM_RISCV:
		if h.Flags&riscvFloat == 0 {
			return flagRISCVSoft
		}
		return flagRISCVDouble
	case debugelf.EM_LOONGARCH:
		if h.Flags&loongarchABI == 1 { // EF_LOONGARCH_ABI_SOFT_FLOAT
			return flagLoongSoft
		}
		return flagLoongDouble
	}
	return flagLibc6
}

// compareLib is _dl_cache_libcmp, the order of names in the cache. Runs of digits compare as numbers, so
// libfoo.so.10 is greater than libfoo.so.9, and libfoo.so.01 equals libfoo.so.1.
func compareLib(a, b string) int {
	for a != "" {
		da, db := isDigit(a), isDigit(b)
		switch {
		case da && db:
			var na, nb int32
			na, a = number(a)
			nb, b = number(b)
			if na != nb {
				return int(na) - int(nb)
			}
		case da: // a number is greater than anything else
			return 1
		case db:
			return -1
		case b == "":
			return int(int8(a[0])) // a C char is signed on most machines
		case a[0] != b[0]:
			return int(int8(a[0])) - int(int8(b[0]))
		default:
			a, b = a[1:], b[1:]
		}
	}
	if b == "" {
		return 0
	}
	return -int(int8(b[0]))
}

// isDigit reports whether a string begins with an ASCII digit, the only kind that the loader knows.
func isDigit(s string) bool { return s != "" && '0' <= s[0] && s[0] <= '9' }

// number reads digits into a C int, which may wrap.
func number(s string) (int32, string) {
	var n int32
	for isDigit(s) {
		n = n*10 + int32(s[0]-'0')
		s = s[1:]
	}
	return n, s
}

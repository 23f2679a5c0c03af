package ldd

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sort"
)

// The layout of ld.so.cache: sysdeps/generic/dl-cache.h and elf/cache.c of glibc. All numbers have the
// byte order of the machine.
//
//	old:    magic, a byte of padding, u32 count
//	        count × { i32 flags, u32 key, u32 value }, offsets from the end of the table
//	new:    magic, version, u32 count, u32 bytes of strings, u8 byte order, 3 bytes of padding,
//	        u32 offset of extensions, 3 × u32 unused
//	        count × { i32 flags, u32 key, u32 value, u32 osversion, u64 hwcap }, offsets from the magic
//	compat: the old one, and behind it, aligned, the new one
//
// A file may have the old one first so that programs of libc5 could read it too.
const (
	cacheMagicOld = "ld.so-1.7.0"       // up to glibc 2.1, and in front of the new one up to 2.31
	cacheMagicNew = "glibc-ld.so.cache" // since glibc 2.2
	cacheVersion  = "1.1"               // the only one there has been
	oldHeaderSize = 16                  // magic, one byte of padding, count
	oldEntrySize  = 12                  // flags, key, value
	newHeaderSize = 48                  // magic, version, count, string bytes, flags, extension offset
	newEntrySize  = 24                  // flags, key, value, osversion, hwcap
	maxCache      = 64 << 20            // bytes of a cache that is still read
	hwcapNamed    = 1 << 30             // in the upper half of hwcap: the lower half is a glibc-hwcaps name
)

// cache answers what the loader's cache has for a name.
type cache struct {
	entries []cacheEntry // sorted as in the file, descending
	place   string       // for the list of places searched
	rule    string       // for Object.By
}

// cacheEntry is a library that the program's machine can load.
type cacheEntry struct{ key, value string }

// readCache reads the loader's cache. A damaged one is as good as none, for the loader too.
func (g *glibc) readCache() *cache {
	c := &cache{place: g.conf.cache, rule: "ld.so.cache"}
	data, err := g.sys.read(g.conf.cache, maxCache)
	if errors.Is(err, fs.ErrNotExist) {
		return g.emulateLdconfig()
	}
	if err == nil {
		c.entries, err = parseCache(data, g.want)
	}
	if err != nil {
		c.place += fmt.Sprintf(" (unusable: %v)", err)
	}
	return c
}

// find looks a name up: binary search in the file's own order, then the first entry of that name.
func (c *cache) find(name string) (string, bool) {
	i := sort.Search(len(c.entries), func(i int) bool { return compareLib(name, c.entries[i].key) >= 0 })
	if i < len(c.entries) && compareLib(name, c.entries[i].key) == 0 {
		return c.entries[i].value, true
	}
	return "", false
}

// parseCache returns the entries of any of the three formats that a loader like want would consider.
func parseCache(data []byte, want *header) ([]cacheEntry, error) {
	switch {
	case bytes.HasPrefix(data, []byte(cacheMagicNew+cacheVersion)):
		return parseNewCache(data, want)
	case bytes.HasPrefix(data, []byte(cacheMagicOld)):
		return parseOldCache(data, want)
	}
	return nil, errors.New("no ld.so.cache format that is known")
}

// parseOldCache reads the old format, behind which the new one may follow: that one wins.
func parseOldCache(data []byte, want *header) ([]cacheEntry, error) {
	if len(data) < oldHeaderSize {
		return nil, errors.New("header cut off")
	}
	n := uint64(want.order.Uint32(data[12:]))
	end := oldHeaderSize + n*oldEntrySize
	if end > uint64(len(data)) {
		return nil, fmt.Errorf("%d entries do not fit", n)
	}
	// ALIGN_CACHE: to the alignment of struct cache_file_new, whose entries hold a uint64.
	align := uint64(8)
	if want.machine == elf.EM_386 {
		align = 4
	}
	if at := up(end, align); at < uint64(len(data)) && bytes.HasPrefix(data[at:], []byte(cacheMagicNew+cacheVersion)) {
		return parseNewCache(data[at:], want)
	}
	return readEntries(data[oldHeaderSize:end], data[end:], oldEntrySize, want)
}

// parseNewCache reads struct cache_file_new: a header of 48 bytes, the table, the strings. Behind them may
// be extensions with the names of glibc-hwcaps folders, which the baseline has no use for.
func parseNewCache(data []byte, want *header) ([]cacheEntry, error) {
	if len(data) < newHeaderSize {
		return nil, errors.New("header cut off")
	}
	// cache_file_new_matches_endian: 0 is a cache from before glibc 2.33.
	switch flag := data[28] & 3; {
	case flag == 0, flag == 2 && want.order == binary.LittleEndian, flag == 3 && want.order == binary.BigEndian:
	default:
		return nil, errors.New("for the other byte order")
	}
	n := uint64(want.order.Uint32(data[20:]))
	end := newHeaderSize + n*newEntrySize
	if end > uint64(len(data)) {
		return nil, fmt.Errorf("%d entries do not fit", n)
	}
	return readEntries(data[newHeaderSize:end], data, newEntrySize, want)
}

// readEntries decodes a table; keys and values are offsets into strs. An entry for another machine, for
// a CPU above the baseline or with an offset out of range is left out.
func readEntries(table, strs []byte, size int, want *header) ([]cacheEntry, error) {
	str := func(off uint32) (string, bool) {
		if uint64(off) >= uint64(len(strs)) {
			return "", false
		}
		n := bytes.IndexByte(strs[off:], 0)
		if n < 0 {
			return "", false
		}
		return string(strs[off : int(off)+n]), true
	}
	var entries []cacheEntry
	for ; len(table) >= size; table = table[size:] {
		o := want.order
		if !want.cacheAccepts(o.Uint32(table)) || (size == newEntrySize && o.Uint64(table[16:]) != 0) {
			continue
		}
		key, ok1 := str(o.Uint32(table[4:]))
		value, ok2 := str(o.Uint32(table[8:]))
		if ok1 && ok2 {
			entries = append(entries, cacheEntry{key, value})
		}
	}
	// ldconfig sorted the file, and what is left out leaves it sorted. In a file that is not, the loader
	// would find a name or not by chance; here it is found.
	sort.SliceStable(entries, func(i, j int) bool { return compareLib(entries[i].key, entries[j].key) > 0 })
	return entries, nil
}

// cacheAccepts is _dl_cache_check_flags: whether an entry is for this machine.
func (h *header) cacheAccepts(flags uint32) bool {
	// Some loaders take what ldconfig could not tell from its own: soft float for ARM, libc5 for i386.
	id := h.cacheFlags()
	switch h.machine {
	case elf.EM_ARM:
		return flags == id || flags == 3
	case elf.EM_386:
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

// cacheFlags returns the flags of libraries for a machine. The loader's own header decides: x32 is
// x86-64 with 32-bit files.
func (h *header) cacheFlags() uint32 {
	const armHardFloat = 0x400 // EF_ARM_ABI_FLOAT_HARD
	switch h.machine {
	case elf.EM_X86_64:
		if h.class == elf.ELFCLASS32 {
			return flagX32
		}
		return flagX8664
	case elf.EM_AARCH64:
		return flagAArch64
	case elf.EM_ARM:
		if h.flags&armHardFloat != 0 {
			return flagARMHardFloat
		}
	case elf.EM_S390:
		if h.class == elf.ELFCLASS64 {
			return flagS390x
		}
	case elf.EM_PPC64:
		return flagPPC64
	case elf.EM_RISCV:
		if h.flags&riscvFloat == 0 {
			return flagRISCVSoft
		}
		return flagRISCVDouble
	case elf.EM_LOONGARCH:
		if h.flags&loongarchABI == 1 { // EF_LOONGARCH_ABI_SOFT_FLOAT
			return flagLoongSoft
		}
		return flagLoongDouble
	}
	return flagLibc6
}

// compareLib is _dl_cache_libcmp, the order of names in the cache: runs of digits compare as numbers,
// so libfoo.so.10 is above libfoo.so.9 and libfoo.so.01 equals libfoo.so.1.
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
		case da: // a number is above all else
			return 1
		case db:
			return -1
		case b == "":
			return int(int8(a[0])) // a C char has a sign, on most machines
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

// isDigit says whether a string begins with a digit of ASCII, the only ones that the loader counts.
func isDigit(s string) bool { return s != "" && '0' <= s[0] && s[0] <= '9' }

// number reads digits into a C int, which wraps.
func number(s string) (int32, string) {
	var n int32
	for isDigit(s) {
		n = n*10 + int32(s[0]-'0')
		s = s[1:]
	}
	return n, s
}

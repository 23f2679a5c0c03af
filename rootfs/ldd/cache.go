package ldd

import (
	"bytes"
	debugelf "debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// The layout of ld.so.cache: sysdeps/generic/dl-cache.h and elf/cache.c of glibc. All numbers have the byte
// order of the machine.
//
//	old:    magic, a byte of padding, u32 count
//	        count × { i32 flags, u32 key, u32 value }, offsets from the end of the table
//	new:    magic, version, u32 count, u32 bytes of strings, u8 byte order, 3 bytes of padding,
//	        u32 offset of extensions, 3 × u32 unused
//	        count × { i32 flags, u32 key, u32 value, u32 osversion, u64 hwcap }, offsets from the magic
//	compat: the old format, followed by the new one, aligned
//
// A file may start with the old format so that programs of libc5 could read it too.
const (
	cacheMagicOld = "ld.so-1.7.0"       // up to glibc 2.1, and before the new one up to 2.31
	cacheMagicNew = "glibc-ld.so.cache" // since glibc 2.2
	cacheVersion  = "1.1"               // the only one there has been
	oldHeaderSize = 16                  // magic, one byte of padding, count
	oldEntrySize  = 12                  // flags, key, value
	newHeaderSize = 48                  // magic, version, count, string bytes, flags, extension offset
	newEntrySize  = 24                  // flags, key, value, osversion, hwcap
	maxCache      = 16 << 20            // bytes of a cache that is still read
	maxEntries    = 1 << 17             // entries; machines with all that a distribution has have some ten thousand
	maxLevels     = 1 << 8              // names of levels
	hwcapNamed    = 1 << 30             // in the upper half of hwcap: the lower half is a glibc-hwcaps name
	isaBits       = 1<<10 - 1           // in the upper half: the x86 ISA level that ldconfig read

	extensionMagic  = 0xeaa42174 // cache_extension_magic
	extensionLevels = 1          // cache_extension_tag_glibc_hwcaps
)

// cache is the parsed content of the loader's cache.
type cache struct {
	entries []cacheEntry // sorted as in the file, descending
	place   string       // for NotFoundError.Searched
	rule    string       // for Object.By
}

// cacheEntry is a library that the program's machine can load.
type cacheEntry struct{ key, value, level string }

// readCache reads the loader's cache. Like the loader, it ignores a damaged one.
func (r *process) readCache() *cache {
	c := &cache{place: r.conf.cache, rule: "ld.so.cache"}
	data, err := r.sys.read(r.conf.cache, maxCache)
	if errors.Is(err, fs.ErrNotExist) {
		return r.emulateLdconfig()
	}
	if err == nil {
		c.entries, err = parseCache(data, r.want)
	}
	if err != nil {
		c.place += fmt.Sprintf(" (unusable: %v)", err)
	}
	return c
}

// find looks up a name by binary search in the file's own order. It returns the best entry of that name for a
// CPU with the given levels, followed by the entries that the loader would take without it.
func (c *cache) find(name string, cpu []string) []cacheEntry {
	i := sort.Search(len(c.entries), func(i int) bool { return compareLib(name, c.entries[i].key) >= 0 })
	same := c.entries[i:]
	for n, e := range same {
		if compareLib(name, e.key) != 0 {
			same = same[:n]
			break
		}
	}
	var out []cacheEntry
	for _, level := range append(slices.Clone(cpu), "") {
		if n := slices.IndexFunc(same, func(e cacheEntry) bool { return e.level == level }); n >= 0 {
			out = append(out, same[n])
		}
	}
	return out
}

// parseCache returns the entries of a cache of any format that a loader like want would consider.
func parseCache(data []byte, want *elf.Header) ([]cacheEntry, error) {
	switch {
	case bytes.HasPrefix(data, []byte(cacheMagicNew+cacheVersion)):
		return parseNewCache(data, data, want)
	case bytes.HasPrefix(data, []byte(cacheMagicOld)):
		return parseOldCache(data, want)
	}
	return nil, errors.New("unknown ld.so.cache format")
}

// parseOldCache reads the old format. If the new format follows, that one is used.
func parseOldCache(data []byte, want *elf.Header) ([]cacheEntry, error) {
	if len(data) < oldHeaderSize {
		return nil, errors.New("header cut off")
	}
	n := uint64(want.Order.Uint32(data[12:]))
	end := oldHeaderSize + n*oldEntrySize
	if end > uint64(len(data)) {
		return nil, fmt.Errorf("%d entries do not fit", n)
	}
	// ALIGN_CACHE: the alignment of struct cache_file_new, whose entries hold a uint64.
	align := uint64(8)
	if want.Machine == debugelf.EM_386 {
		align = 4
	}
	if at := (end + align - 1) &^ (align - 1); at < uint64(len(data)) && bytes.HasPrefix(data[at:], []byte(cacheMagicNew+cacheVersion)) {
		return parseNewCache(data, data[at:], want)
	}
	t := cacheTable{want: want, strs: string(data[end:]), size: oldEntrySize}
	return t.entries(data[oldHeaderSize:end])
}

// parseNewCache reads struct cache_file_new: a header of 48 bytes, the table, the strings, and optional
// extensions with the names of glibc-hwcaps folders. The offset of the extensions counts from the start of the
// file, all others count from the magic.
func parseNewCache(file, data []byte, want *elf.Header) ([]cacheEntry, error) {
	if len(data) < newHeaderSize {
		return nil, errors.New("header cut off")
	}
	// cache_file_new_matches_endian: 0 is a cache written before glibc 2.33.
	switch flag := data[28] & 3; {
	case flag == 0, flag == 2 && want.Order == binary.LittleEndian, flag == 3 && want.Order == binary.BigEndian:
	default:
		return nil, errors.New("for the other byte order")
	}
	n := uint64(want.Order.Uint32(data[20:]))
	end := newHeaderSize + n*newEntrySize
	if end > uint64(len(data)) {
		return nil, fmt.Errorf("%d entries do not fit", n)
	}
	t := cacheTable{want: want, strs: string(data), size: newEntrySize}
	t.readLevels(file, want.Order.Uint32(data[32:]))
	return t.entries(data[newHeaderSize:end])
}

// cacheTable decodes the entries of a cache. Keys, values and levels are offsets into strs.
type cacheTable struct {
	want   *elf.Header
	strs   string // contains keys and values, which may overlap
	size   int    // of an entry
	levels []string
}

// str returns the string at an offset. ok is false if it is out of range or too long for a path.
func (t *cacheTable) str(off uint32) (s string, ok bool) {
	if uint64(off) >= uint64(len(t.strs)) {
		return "", false
	}
	s = t.strs[off:]
	s = s[:min(len(s), maxPath)]
	n := strings.IndexByte(s, 0)
	if n < 0 {
		return "", false
	}
	return s[:n], true
}

// readLevels reads the extension of the new format that names the glibc-hwcaps folders. An invalid extension is
// ignored.
//
//	directory: u32 magic, u32 count, count × { u32 tag, u32 flags, u32 offset, u32 size }
//	tag 1:     u32 offset of a name, for each
func (t *cacheTable) readLevels(file []byte, offset uint32) {
	o, size := t.want.Order, uint64(len(file))
	dir := uint64(offset)
	if dir == 0 || dir%4 != 0 || dir+8 > size || o.Uint32(file[dir:]) != extensionMagic {
		return
	}
	rows := file[dir+8:]
	for n := o.Uint32(file[dir+4:]); n > 0 && len(rows) >= 16; n, rows = n-1, rows[16:] {
		from, length := uint64(o.Uint32(rows[8:])), uint64(o.Uint32(rows[12:]))
		if o.Uint32(rows) != extensionLevels || from+length > size {
			continue
		}
		for b := file[from : from+length]; len(b) >= 4 && len(t.levels) < maxLevels; b = b[4:] {
			name, _ := t.str(o.Uint32(b))
			t.levels = append(t.levels, name)
		}
		return
	}
}

// entries decodes a table. An entry for another machine, for a CPU of the time before glibc-hwcaps, with
// an offset out of range or with a name that no file has is left out, and so is one that another one hides.
func (t *cacheTable) entries(table []byte) ([]cacheEntry, error) {
	if n := len(table) / t.size; n > maxEntries {
		return nil, fmt.Errorf("%d entries are more than are read", n)
	}
	var entries []cacheEntry
	for o := t.want.Order; len(table) >= t.size; table = table[t.size:] {
		if !cacheAccepts(t.want, o.Uint32(table)) {
			continue
		}
		level, ok := "", true
		if t.size == newEntrySize {
			level, ok = t.level(o.Uint64(table[16:]))
		}
		key, ok1 := t.str(o.Uint32(table[4:]))
		value, ok2 := t.str(o.Uint32(table[8:]))
		if ok && ok1 && ok2 && len(key) <= maxName {
			entries = append(entries, cacheEntry{key, value, level})
		}
	}
	// ldconfig sorts the file, and skipping entries keeps the order. In an unsorted file the loader may or may
	// not find a name; here it is found.
	if !slices.IsSortedFunc(entries, func(a, b cacheEntry) int { return compareLib(b.key, a.key) }) {
		sortCache(entries)
	}
	return unhidden(entries), nil
}

// unhidden leaves out of sorted entries those behind another one of the same name and level, which no search finds.
func unhidden(entries []cacheEntry) []cacheEntry {
	kept, levels := entries[:0], map[string]bool{}
	for _, e := range entries {
		if len(kept) > 0 && compareLib(kept[len(kept)-1].key, e.key) != 0 {
			clear(levels)
		}
		if !levels[e.level] {
			levels[e.level] = true
			kept = append(kept, e)
		}
	}
	return kept
}

// sortCache sorts entries in the order of the loader. Entries of one name keep their order.
func sortCache(entries []cacheEntry) {
	sort.SliceStable(entries, func(i, j int) bool { return compareLib(entries[i].key, entries[j].key) > 0 })
}

// level decodes the hwcap field: 0 is the baseline; if bit 62 is set, the lower half is the index of a level.
func (t *cacheTable) level(hwcap uint64) (level string, ok bool) {
	switch {
	case hwcap == 0:
		return "", true
	case hwcap>>32&^isaBits != hwcapNamed || uint64(uint32(hwcap)) >= uint64(len(t.levels)):
		return "", false
	}
	level = t.levels[uint32(hwcap)]
	return level, level != ""
}

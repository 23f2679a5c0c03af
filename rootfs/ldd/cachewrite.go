package ldd

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"
	"strings"
)

// cacheFile returns an ld.so.cache for the image, in the format that glibc reads since 2.2 and that ldconfig writes
// by default since 2.32. It is for the program's machine, even if the host's ldconfig does not know that
// machine. It returns nil if the program does not use glibc.
//
// The cache lists the libraries that were found through the cache or in a default folder, by the name asked for
// and by soname. It omits libraries that an object's search path led to, because objects without that search
// path would find them in the cache.
func (c *Closure) cacheFile() []byte {
	if c.Flavour != Glibc {
		return nil
	}
	w := cacheWriter{order: c.want.Order}
	_ = w.addLookups(c) // within one closure the first lookup of a name decides
	w.addSonames(c)
	return w.bytes()
}

// cacheWriter collects the entries of a cache file.
type cacheWriter struct {
	order   binary.ByteOrder
	entries []writtenEntry
	index   map[string][]int // indices of entries by the letters of their keys
}

// writtenEntry is an entry with the machine that it is for. Several machines may share one file.
type writtenEntry struct {
	cacheEntry
	flags uint32
	real  string // the file behind the path
}

// addLookups adds the lookups of a closure. If one conflicts with an existing entry, the entry stays and an
// error is returned.
func (w *cacheWriter) addLookups(c *Closure) error {
	var conflict error
	for _, l := range c.lookups {
		if have, ok := w.add(c, l.name, l); !ok && conflict == nil {
			conflict = &conflictError{l.name, c.Program().Path, l.path, have.value}
		}
	}
	return conflict
}

// addSonames also adds the libraries by soname, because code that opens one later uses that. Existing entries
// take precedence: their names were really looked up.
func (w *cacheWriter) addSonames(c *Closure) {
	for _, l := range c.lookups {
		if o := c.objectAt(l.real); o != nil && o.Soname != "" {
			w.add(c, o.Soname, l)
		}
	}
}

// add adds an entry unless it collides with an existing one. ok is false if that one is for another file.
func (w *cacheWriter) add(c *Closure, key string, l lookup) (have writtenEntry, ok bool) {
	e := writtenEntry{cacheEntry{key, l.path, l.level}, cacheFlags(c.want), l.real}
	letters := strings.Map(func(c rune) rune { // different digits may compare equal: 01 and 1
		if '0' <= c && c <= '9' {
			return -1
		}
		return c
	}, key)
	for _, i := range w.index[letters] {
		if have := w.entries[i]; e.collidesWith(have) {
			return have, have.real == e.real
		}
	}
	if w.index == nil {
		w.index = map[string][]int{}
	}
	w.index[letters] = append(w.index[letters], len(w.entries))
	w.entries = append(w.entries, e)
	return e, true
}

// collidesWith reports whether a lookup cannot distinguish two entries.
func (e writtenEntry) collidesWith(x writtenEntry) bool {
	return e.flags == x.flags && e.level == x.level && compareLib(e.key, x.key) == 0
}

// bytes encodes the file: header, table, strings, extensions; struct cache_file_new in glibc's
// sysdeps/generic/dl-cache.h. Offsets count from the start of the file.
func (w *cacheWriter) bytes() []byte {
	// Entries that compare equal are sorted by level. The baseline comes last, as ldconfig writes it.
	sort.SliceStable(w.entries, func(i, j int) bool {
		a, b := w.entries[i], w.entries[j]
		if n := compareLib(a.key, b.key); n != 0 {
			return n > 0
		}
		return a.level > b.level
	})
	levels := w.levels()
	strs := stringTable{start: newHeaderSize + len(w.entries)*newEntrySize}
	var rows bytes.Buffer
	for _, e := range w.entries {
		var hwcap uint64
		if e.level != "" {
			hwcap = hwcapNamed<<32 | uint64(slices.Index(levels, e.level))
		}
		w.writeNumbers(&rows, e.flags, strs.add(e.key), strs.add(e.value), uint32(0) /* osversion */, hwcap)
	}
	extension := w.extension(levels, &strs)
	// The header holds the length of the strings, which is known only now.
	const littleEndian, bigEndian = 2, 3 // cache_file_new_flags_endian_*
	endian := [4]byte{littleEndian}
	if w.order == binary.BigEndian {
		endian[0] = bigEndian
	}
	var out bytes.Buffer
	out.WriteString(cacheMagicNew + cacheVersion)
	w.writeNumbers(&out, uint32(len(w.entries)), uint32(strs.Len()), endian, extension.at, [3]uint32{})
	out.Write(rows.Bytes())
	out.Write(strs.Bytes())
	out.Write(extension.data)
	return out.Bytes()
}

// writeNumbers appends numbers.
func (w *cacheWriter) writeNumbers(b *bytes.Buffer, vals ...any) {
	for _, v := range vals {
		_ = binary.Write(b, w.order, v) // a Buffer returns no error
	}
}

// levels returns the CPU levels that occur, in the order that the loader expects (glibc_hwcaps_priorities).
func (w *cacheWriter) levels() []string {
	var levels []string
	for _, e := range w.entries {
		if e.level != "" && !slices.Contains(levels, e.level) {
			levels = append(levels, e.level)
		}
	}
	slices.Sort(levels)
	return levels
}

// extension is the part after the strings. at is 0 if there is none.
type extension struct {
	at   uint32
	data []byte
}

// extension encodes the names of the levels: a directory of one section, and the section with the offsets of
// the names. Both are aligned to 4 bytes.
func (w *cacheWriter) extension(levels []string, strs *stringTable) extension {
	if len(levels) == 0 {
		return extension{}
	}
	var names bytes.Buffer
	for _, level := range levels {
		w.writeNumbers(&names, strs.add(level))
	}
	for (strs.start+strs.Len())%4 != 0 {
		strs.WriteByte(0)
	}
	const directory = 8 + 16
	at := uint32(strs.start + strs.Len())
	var b bytes.Buffer
	w.writeNumbers(&b, uint32(extensionMagic), uint32(1))
	w.writeNumbers(&b, uint32(extensionLevels), uint32(0), at+directory, uint32(names.Len()))
	b.Write(names.Bytes())
	return extension{at, b.Bytes()}
}

// stringTable is the text of a cache, which begins at offset start of the file.
type stringTable struct {
	bytes.Buffer
	start int
}

// add appends a string and returns its offset.
func (t *stringTable) add(s string) uint32 {
	at := t.start + t.Len()
	t.WriteString(s + "\x00")
	return uint32(at)
}

package ldd

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// LoaderConfig returns the file that an image needs so that the loader finds in it what Resolve found in
// the sysroot: ld.so.cache for glibc, the path file for musl. needed is false when the loader's default
// folders lead to the same files; the file does no harm then.
func (c *Closure) LoaderConfig() (name string, content []byte, needed bool) {
	switch c.Flavour {
	case Glibc:
		return c.loader.cache, c.Cache(), c.needsConf
	case Musl:
		return c.loader.cache, c.pathFile, c.needsConf
	}
	return "", nil, false
}

// NeedsCache says that some library is found only through ld.so.cache: an image of a glibc program needs
// [Closure.Cache] at [Closure.CachePath].
func (c *Closure) NeedsCache() bool { return c.Flavour == Glibc && c.needsConf }

// CachePath returns where a glibc program's loader looks for its cache, "/etc/ld.so.cache" as a rule.
func (c *Closure) CachePath() string {
	if c.Flavour != Glibc {
		return ""
	}
	return c.loader.cache
}

// Cache returns an ld.so.cache for the image, in the format that glibc reads since 2.2 and that has been
// the only one written since 2.32. It is made for the program's machine, also where the host's ldconfig
// knows nothing of it. nil when the program is not glibc's.
//
// It lists the libraries that were found by the cache or in a default folder, by the name asked for and
// by soname. Those that a search path of an object led to are left out: in the cache, they would be found
// by objects that do not have that search path.
func (c *Closure) Cache() []byte {
	if c.Flavour != Glibc {
		return nil
	}
	var entries []cacheEntry
	add := func(key, path string) {
		for _, e := range entries {
			if compareLib(e.key, key) == 0 {
				return
			}
		}
		entries = append(entries, cacheEntry{key, path})
	}
	// First what was asked for, since those answers have to come out again. A soname is asked for by
	// code that opens the library later.
	for _, l := range c.lookups {
		add(l.name, l.path)
	}
	for _, l := range c.lookups {
		if o, ok := c.Lookup(l.name); ok && o.Soname != "" && o.Path == l.path {
			add(o.Soname, l.path)
		}
	}
	return writeCache(entries, c.want)
}

// writeCache encodes a cache file: header, table, strings; struct cache_file_new in glibc's
// sysdeps/generic/dl-cache.h. Offsets count from the start of the file.
func writeCache(entries []cacheEntry, want *header) []byte {
	sort.SliceStable(entries, func(i, j int) bool { return compareLib(entries[i].key, entries[j].key) > 0 })
	const littleEndian, bigEndian = 2, 3 // cache_file_new_flags_endian_*
	endian := uint32(littleEndian)
	if want.order == binary.BigEndian {
		endian = bigEndian
	}
	var table, strs bytes.Buffer
	start := newHeaderSize + len(entries)*newEntrySize
	put := func(vals ...uint32) {
		for _, v := range vals {
			_ = binary.Write(&table, want.order, v) // a Buffer takes everything
		}
	}
	str := func(s string) uint32 {
		at := start + strs.Len()
		strs.WriteString(s + "\x00")
		return uint32(at)
	}
	for _, e := range entries {
		put(want.cacheFlags(), str(e.key), str(e.value), 0 /* osversion */, 0, 0 /* hwcap: any CPU */)
	}
	// The header comes first and says how long the strings are, which is known only now.
	rows := bytes.Clone(table.Bytes())
	table.Reset()
	table.WriteString(cacheMagicNew + cacheVersion)
	put(uint32(len(entries)), uint32(strs.Len()))
	table.Write([]byte{byte(endian), 0, 0, 0})
	put(0 /* no extensions */, 0, 0, 0)
	table.Write(rows)
	table.Write(strs.Bytes())
	return table.Bytes()
}

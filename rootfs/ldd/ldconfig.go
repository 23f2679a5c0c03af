package ldd

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// A sysroot that was unpacked but never entered has an ld.so.conf but no cache. This file computes the cache
// that ldconfig(8) would write, but not its links (elf/ldconfig.c of glibc).

// Limits on the configuration, which is untrusted.
const (
	maxConf     = 1 << 20 // bytes of one file
	maxIncludes = 256     // files, and patterns of them
	maxFolders  = 1 << 12 // folders that are named, the same ones counted again
)

// ldconfig collects the folders of the configuration.
type ldconfig struct {
	sys   *walker
	want  *elf.Header
	read  int // files so far
	globs int // patterns so far
	named int // folders so far
	dirs  []string
	seen  map[string]bool // real paths of dirs
}

// emulateLdconfig returns the cache that ldconfig would write.
func (r *process) emulateLdconfig() *cache {
	conf := path.Dir(r.conf.cache) + "/ld.so.conf"
	c := &cache{place: r.conf.cache + " (does not exist)", rule: "ld.so.cache"}
	if _, err := r.sys.walk(conf); err != nil {
		return c
	}
	c.place = conf + " (ldconfig was not run, its cache is emulated)"
	c.rule = conf
	l := &ldconfig{sys: r.sys, want: r.want, seen: map[string]bool{}}
	l.parse(conf)
	// The default folders come behind those of the file, unless the file names them itself.
	l.named = 0
	for _, dir := range r.conf.trusted {
		l.addDir(dir)
	}
	for _, dir := range l.dirs {
		c.entries = append(c.entries, l.scan(dir, "")...)
		for _, level := range l.names(dir + "/" + hwcapsDir) {
			c.entries = append(c.entries, l.scan(dir+"/"+hwcapsDir+level, level)...)
		}
	}
	// The first folder of a name wins; the sort is stable.
	sortCache(c.entries)
	return c
}

// parse reads a configuration file: one folder per line, "include" with patterns, and comments that begin with
// "#" anywhere.
func (l *ldconfig) parse(name string) {
	if l.read++; l.read > maxIncludes {
		return
	}
	data, err := l.sys.read(name, maxConf)
	if err != nil {
		return // ldconfig warns and continues
	}
	for _, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0: // blank, or a comment
		case fields[0] == "include" && len(fields) > 1:
			for _, pattern := range fields[1:] {
				l.include(path.Dir(name), pattern)
			}
		case strings.EqualFold(fields[0], "hwcap") && len(fields) > 1: // names a CPU feature; removed in 2.37
		default:
			dir, _, _ := strings.Cut(strings.TrimSpace(line), "=") // a type may follow: DIR=libc6
			l.addDir(dir)
		}
	}
}

// include reads the files that a pattern matches, sorted like glob(3). Only the last element may have
// wildcards, which covers every ld.so.conf seen so far.
func (l *ldconfig) include(dir, pattern string) {
	if !strings.HasPrefix(pattern, "/") {
		pattern = dir + "/" + pattern
	}
	if l.globs++; l.globs > maxIncludes {
		return
	}
	folder, last := path.Split(pattern)
	if len(last) > maxName {
		return // no distribution has one that is longer than any name
	}
	for _, name := range l.names(folder) {
		hidden := strings.HasPrefix(name, ".") && !strings.HasPrefix(last, ".")
		if ok, _ := path.Match(last, name); ok && !hidden {
			l.parse(folder + name)
		}
	}
}

// addDir adds a folder once. ldconfig compares inodes: if /lib is a link to /usr/lib, only the first of the two
// is added.
func (l *ldconfig) addDir(dir string) {
	if !strings.HasPrefix(dir, "/") {
		return
	}
	if l.named++; l.named > maxFolders {
		return
	}
	at, err := l.sys.walk(dir)
	if err != nil || !at.info.IsDir() || l.seen[at.real] {
		return
	}
	l.seen[at.real] = true
	l.dirs = append(l.dirs, strings.TrimRight(dir, "/"))
}

// names lists the names in a folder, sorted. A folder that cannot be listed is empty.
func (l *ldconfig) names(dir string) []string {
	at, err := l.sys.walk(dir)
	if err != nil || !at.info.IsDir() {
		return nil
	}
	f, err := l.sys.sys.Open(relative(at.real))
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // only read
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	entries, err := d.ReadDir(-1)
	if err != nil {
		return nil
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return names
}

// library is what search_dir keeps of a file: its name in the folder, and its key in the cache.
type library struct{ name, key string }

// scan returns the libraries of a folder for a CPU level. Of several libraries with one soname, it returns the
// one with the highest version.
func (l *ldconfig) scan(dir, level string) []cacheEntry {
	var libs []library
	of := map[string]int{} // index in libs by key
	for _, name := range l.names(dir) {
		lib, ok := l.inspect(dir, name)
		if !ok {
			continue
		}
		i, known := of[lib.key]
		switch {
		case !known:
			of[lib.key] = len(libs)
			libs = append(libs, lib)
		case compareLib(libs[i].name, lib.name) < 0:
			libs[i] = lib
		}
	}
	entries := make([]cacheEntry, len(libs))
	for i, lib := range libs {
		// ldconfig writes the soname and makes a link of that name. If there is no such link yet, the entry has
		// to name the file.
		entries[i] = cacheEntry{lib.key, dir + "/" + lib.key, level}
		if _, err := l.sys.walk(entries[i].value); err != nil {
			entries[i].value = dir + "/" + lib.name
		}
	}
	return entries
}

// inspect returns the cache key of a file in a library folder. ok is false if the file does not belong in the
// cache.
func (l *ldconfig) inspect(dir, name string) (lib library, ok bool) {
	if !isLibraryName(name) {
		return lib, false
	}
	at, err := l.sys.walk(dir + "/" + name)
	if err != nil || !at.info.Mode().IsRegular() {
		return lib, false
	}
	c, err := l.sys.open(at)
	if err != nil {
		return lib, false
	}
	defer func() { _ = c.Close() }() // only read
	// ldconfig writes entries for every machine, but only those of this loader are needed.
	f, err := openVerify(c, l.want)
	if err != nil {
		return lib, false
	}
	d, err := f.Dynamic()
	if err != nil {
		return lib, false
	}
	lib = library{name: name, key: d.Soname}
	// A link for the linker, libfoo.so for libfoo.so.1, is found by its own name, and so is a library without a
	// soname. Any other link counts like a file.
	linkOfLinker := strings.HasSuffix(name, ".so") && strings.HasPrefix(d.Soname, name) && l.isLink(dir, name)
	if linkOfLinker || d.Soname == "" {
		lib.key = name
	}
	return lib, true
}

// isLink reports whether a name in a folder is a symbolic link.
func (l *ldconfig) isLink(dir, name string) bool {
	at, err := l.sys.walk(dir)
	if err != nil {
		return false
	}
	n := l.sys.node(relative(path.Join(at.real, name)))
	return n.err == nil && n.info.Mode()&fs.ModeSymlink != 0
}

// isLibraryName is _dl_is_dso: it reports whether a file may enter the cache.
func isLibraryName(name string) bool {
	for _, prefix := range []string{"lib", "ld-", "ld.so.", "ld64.so."} {
		if strings.HasPrefix(name, prefix) {
			return strings.Contains(name, ".so")
		}
	}
	return false
}

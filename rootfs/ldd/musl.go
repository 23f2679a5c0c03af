package ldd

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// musl loads the way of musl's ldso/dynlink.c. The loader is the C library at the same time. There is
// no cache, no match by soname, and the first file that can be opened is taken whatever it is.
type musl struct {
	*process
	system   searchPath // what is searched last
	searched []string   // the places of the search under way, for errors
}

// muslDefault is searched when there is no path file.
const muslDefault = "/lib:/usr/local/lib:/usr/lib"

// maxPathFile bounds a path file, a list of folders.
const maxPathFile = 1 << 16

// reserved are the names that belong to the loader itself, up to their first dot behind "lib".
var reserved = []string{"libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."}

// run loads all that the program needs at the start, then what it opens later.
func (m *musl) run(opens []string) error {
	m.system = m.systemPath()
	if err := m.loadAll(0); err != nil {
		return err
	}
	m.closure.started = len(m.objects)
	for _, name := range opens {
		n := len(m.objects)
		o, err := m.load(name, m.main)
		if err != nil {
			return err
		}
		if o == nil || len(m.objects) == n {
			continue
		}
		o.By = "opened by the program (dlopen), found by " + o.By
		if err := m.loadAll(n); err != nil {
			return err
		}
	}
	return nil
}

// loadAll loads what the objects from number i on need (load_deps).
func (m *musl) loadAll(i int) error {
	for ; i < len(m.objects); i++ {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		for _, d := range m.objects[i].dyn.deps {
			if d.tag != elf.DT_NEEDED {
				continue
			}
			if _, err := m.load(d.name, m.objects[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// load is load_library; nil is a missing one, which is noted.
func (m *musl) load(name string, by *loaded) (*loaded, error) {
	if m.isLoader(name) {
		return m.loader, nil
	}
	if !strings.Contains(name, "/") {
		// A short name is that of a file which a search has found; a soname is none.
		for _, o := range m.objects {
			if o.names[name] {
				return o, nil
			}
		}
	}
	m.searched = nil
	c, err := m.find(name, by)
	if err != nil {
		return nil, err
	}
	if c == nil {
		for _, e := range m.missing {
			if e.Soname == name {
				return nil, nil
			}
		}
		m.missing = append(m.missing, m.notFound(name, by.Path, m.searched))
		return nil, nil
	}
	return m.mapFile(name, c, by)
}

// isLoader says whether a name is the loader's, without a look at any file.
func (m *musl) isLoader(name string) bool {
	for _, prefix := range reserved {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == m.closure.Loader
}

// mapFile adds a found file to the process, or a name to the object that it is already.
func (m *musl) mapFile(name string, c *candidate, by *loaded) (*loaded, error) {
	defer func() { _ = c.body.Close() }() // only read
	short := !strings.Contains(name, "/")
	for _, o := range m.objects {
		// The loader's inode is not known to itself; a second copy of it is a C library, see below.
		if o != m.loader && m.sameFile(c, o) {
			// Loaded by its path before: the last element of that path becomes its name.
			if short && len(o.names) == 0 {
				o.names[o.Path[strings.LastIndexByte(o.Path, '/')+1:]] = true
			}
			o.alias(c)
			return o, nil
		}
	}
	libc, err := m.check(c)
	if err != nil {
		return nil, &LoadError{Path: c.name, NeededBy: by.Path, Err: err}
	}
	if libc {
		// A second C library in one process is never loaded: the name means the loader.
		m.loader.alias(c)
		return m.loader, nil
	}
	o := &loaded{
		Object: &Object{
			Name: name, Path: m.absolute(c.name), Real: c.real, Soname: c.dyn.soname, Links: c.links, Dirs: c.through,
			NeededBy: by.Object, By: c.by,
		},
		dyn: c.dyn, info: c.body.info, names: map[string]bool{}, origin: muslOrigin(c.name), parent: by,
	}
	if short {
		o.names[name] = true
	}
	m.add(o)
	return o, nil
}

// check reads a file that was opened; musl takes it or gives up. libc says that it is a C library. A
// file for another machine is mapped by musl and then crashes: here it is refused.
func (m *musl) check(c *candidate) (libc bool, err error) {
	f, err := readELF(c.body, c.body.size)
	if err != nil {
		return false, err
	}
	if f.class != m.want.class || f.machine != m.want.machine {
		return false, fmt.Errorf("is %s %s, the loader is %s %s", f.class, f.machine, m.want.class, m.want.machine)
	}
	if f.typ != elf.ET_DYN && f.typ != elf.ET_EXEC {
		return false, fmt.Errorf("is an ELF file of type %s", f.typ)
	}
	c.elf = f
	if c.dyn, err = f.dynamic(); err != nil {
		return false, err
	}
	t, err := f.symbols(c.dyn)
	if err != nil {
		return false, err
	}
	return t.defines("__libc_start_main") && t.defines("stdin"), nil
}

// find searches for a library.
func (m *musl) find(name string, by *loaded) (*candidate, error) {
	if strings.Contains(name, "/") {
		m.searched = append(m.searched, name)
		c, err := m.tryOpen(name, "path in "+by.Path, by)
		if errors.Is(err, errAbandon) {
			err = nil
		}
		return c, err
	}
	if len(name) > maxName {
		return nil, nil
	}
	for _, list := range m.paths(by) {
		c, err := m.openPath(name, list, by)
		if errors.Is(err, errAbandon) {
			return nil, nil // unlike glibc, musl gives up for good
		}
		if c != nil || err != nil {
			return c, err
		}
	}
	return nil, nil
}

// paths returns the lists of folders in order. RPATH and RUNPATH are the same thing here, and both count
// for what the library's own libraries need.
func (m *musl) paths(by *loaded) []searchPath {
	var lists []searchPath
	if m.main.info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) == 0 {
		lists = append(lists, searchPath{"LD_LIBRARY_PATH", muslDirs(m.env.LibraryPath)})
	}
	for o := by; o != nil; o = o.parent {
		// decode_dyn writes both into one field, RUNPATH last.
		rule, list := "RPATH of "+o.Path, o.dyn.rpath
		if o.dyn.hasRunpath {
			rule, list = "RUNPATH of "+o.Path, o.dyn.runpath
		}
		lists = append(lists, searchPath{rule, muslDirs(expandMusl(list, o.origin))})
	}
	return append(lists, m.system)
}

// systemPath is the content of PREFIX/etc/ld-musl-ARCH.path, where PREFIX is the loader's path without
// its last two elements, or the default when there is no such file. One that cannot be read counts as
// empty.
func (m *musl) systemPath() searchPath {
	m.closure.loader.cache = muslPrefix(m.closure.Loader) + "/etc/ld-musl-" + m.conf.arch + ".path"
	data, err := m.sys.read(m.closure.loader.cache, maxPathFile)
	if errors.Is(err, fs.ErrNotExist) {
		return searchPath{"default of musl", muslDirs(muslDefault)}
	}
	if err != nil {
		data = nil // EACCES, or a folder: nothing is searched then, not even the default
	}
	m.closure.pathFile = data
	return searchPath{m.closure.loader.cache, muslDirs(cString(data))}
}

// muslPrefix is the loader's path without its last two elements, "" for /lib/ld-musl-x86_64.so.1.
func muslPrefix(loader string) string {
	if !strings.HasPrefix(loader, "/") {
		return ""
	}
	// A relocated musl, /opt/musl/lib/ld-musl-x86_64.so.1, has its configuration in /opt/musl/etc.
	for range 2 {
		if i := strings.LastIndexByte(loader, '/'); i >= 0 {
			loader = loader[:i]
		}
	}
	return loader
}

// muslDirs splits a search path; empty elements do not count.
func muslDirs(list string) []string {
	return strings.FieldsFunc(list, func(c rune) bool { return c == ':' || c == '\n' })
}

// expandMusl replaces $ORIGIN and ${ORIGIN}, which need not end like an identifier. Any other "$" makes
// the whole list void (fixup_rpath).
func expandMusl(list, origin string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(list, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		rest, ok := strings.CutPrefix(after, "ORIGIN")
		if !ok {
			rest, ok = strings.CutPrefix(after, "{ORIGIN}")
		}
		if !ok {
			return ""
		}
		b.WriteString(origin)
		list = rest
	}
}

// muslOrigin is the folder of a path as it stands; that of "/app" is empty, and "." when there is none.
func muslOrigin(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return "."
}

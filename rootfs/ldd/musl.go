package ldd

import (
	"debug/elf"
	"errors"
	"io/fs"
	"strings"
)

// musl loads like musl's ldso/dynlink.c. The loader is also the C library. There is no cache and no match by
// soname, and the first file that can be opened is used, whatever it is.
type musl struct {
	*process
	system   *searchPath // searched last
	searched searchLog   // places of the current search, for errors
	lists    map[listKey]*searchPath
}

// muslDefault is searched if there is no path file.
const muslDefault = "/lib:/usr/local/lib:/usr/lib"

// maxPathFile limits the size of a path file, a list of folders.
const maxPathFile = 1 << 16

// reserved are the names of the loader itself, up to the first dot after "lib".
var reserved = []string{"libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."}

// start loads everything that the program needs before it runs.
func (m *musl) start() error {
	m.system = m.systemPath()
	if err := m.preload(); err != nil {
		return err
	}
	return m.loadAll(0)
}

// open is dlopen by the program.
func (m *musl) open(name string) (*loaded, error) {
	n := len(m.objects)
	o, err := m.load(name, m.main)
	if err != nil || o == nil || len(m.objects) == n {
		return o, err
	}
	o.By = "opened by the program (dlopen), found by " + o.By
	return o, m.loadAll(n)
}

// finish does nothing: musl opens no library by itself.
func (m *musl) finish() error { return nil }

// search looks for a library as the loader would in the current state.
func (m *musl) search(name string, by *loaded) (*candidate, error) {
	if m.isLoader(name) {
		return &candidate{name: m.loader.Path, place: place{real: m.loader.Real}}, nil
	}
	c, err := m.find(name, by)
	if c != nil && c.bad != nil {
		return nil, c.bad
	}
	return c, err
}

// loadAll loads the dependencies of the objects from index i on (load_deps).
func (m *musl) loadAll(i int) error {
	for ; i < len(m.objects); i++ {
		if err := m.stopped(); err != nil {
			return err
		}
		for _, d := range m.objects[i].dyn.Deps {
			if d.Tag != elf.DT_NEEDED {
				continue
			}
			n, err := m.load(d.Name, m.objects[i])
			if err != nil {
				return err
			}
			if n != nil {
				m.objects[i].addNeed(n)
			}
		}
	}
	return nil
}

// load is load_library. If the library is missing, load records that and returns nil.
func (m *musl) load(name string, by *loaded) (*loaded, error) {
	if m.isLoader(name) {
		return m.loader, nil
	}
	if !strings.Contains(name, "/") {
		// A short name matches a file that a search has found; a soname does not count.
		if o, ok := m.names[name]; ok {
			return o, nil
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

// isLoader reports whether a name means the loader. It looks at no file.
func (m *musl) isLoader(name string) bool {
	for _, prefix := range reserved {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == m.closure.Loader
}

// mapFile adds a found file to the process. If the file is loaded already, mapFile adds a name to its object.
func (m *musl) mapFile(name string, c *candidate, by *loaded) (*loaded, error) {
	short := !strings.Contains(name, "/")
	for _, o := range m.objects {
		// The loader does not know its own inode; a second copy of it is a C library, see below.
		if o != m.loader && m.sameFile(c, o) {
			// It was loaded by its path before: the last element of that path becomes its name.
			if short && !o.hasShortName {
				m.shorten(o, o.Path[strings.LastIndexByte(o.Path, '/')+1:])
			}
			m.addAlias(o, c)
			return o, nil
		}
	}
	if c.bad != nil {
		return nil, &LoadError{Path: c.name, NeededBy: by.Path, Err: c.bad}
	}
	if c.libc {
		// A second C library is never loaded: its name means the loader.
		m.addAlias(m.loader, c)
		return m.loader, nil
	}
	o := &loaded{
		Object: m.object(name, c, by),
		dyn:    c.dyn, info: c.file.info, origin: muslOrigin(c.name), parent: by,
	}
	if short {
		m.shorten(o, name)
	}
	m.add(o)
	return o, nil
}

// shorten gives an object its only name without a slash.
func (m *musl) shorten(o *loaded, name string) {
	m.addName(o, name)
	o.hasShortName = true
	m.undo = append(m.undo, func() { o.hasShortName = false })
}

// find searches for a library.
func (m *musl) find(name string, by *loaded) (*candidate, error) {
	if strings.Contains(name, "/") {
		m.searched.add(name)
		c, err := m.tryOpen(name, "path in "+by.Path, by)
		if errors.Is(err, errAbandon) {
			err = nil
		}
		return c, err
	}
	if len(name) > maxName {
		return nil, nil
	}
	lists, err := m.paths(by)
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		c, err := m.openPath(name, list, by)
		if errors.Is(err, errAbandon) {
			return nil, nil // unlike glibc, musl ends the whole search
		}
		if c != nil || err != nil {
			return c, err
		}
	}
	return nil, nil
}

// paths returns the lists of folders in order. RPATH and RUNPATH mean the same here, and both also apply to the
// dependencies of the library.
func (m *musl) paths(by *loaded) (lists []*searchPath, err error) {
	add := func(o *loaded, rule, text string) {
		if text == "" || err != nil {
			return
		}
		var list *searchPath
		list, err = m.list(o, rule, text)
		lists = append(lists, list)
	}
	if !m.secure() {
		add(nil, "LD_LIBRARY_PATH", m.env.LibraryPath)
	}
	for o := by; o != nil; o = o.parent {
		// decode_dyn writes both into one field, RUNPATH last.
		if o.dyn.HasRunpath {
			add(o, "RUNPATH", o.dyn.Runpath)
		} else {
			add(o, "RPATH", o.dyn.Rpath)
		}
	}
	return append(lists, m.system), err
}

// list returns a search path of an object, or of the environment if o is nil. It is made at the first call.
func (m *musl) list(o *loaded, rule, text string) (*searchPath, error) {
	key := listKey{o, rule}
	if list, ok := m.lists[key]; ok {
		return list, nil
	}
	switch {
	case o == nil:
	case o == m.main && m.secure() && strings.Contains(text, "$"):
		rule, text = rule+" of "+o.Path, "" // whoever executes the program decides its path, so one token voids the whole list (fixup_rpath)
	default:
		rule, text = rule+" of "+o.Path, expandMusl(text, o.origin)
	}
	list := &searchPath{rule: rule, dirs: muslDirs(text)}
	m.lists[key] = list
	return list, m.searches.take(len(list.dirs))
}

// systemPath returns the content of PREFIX/etc/ld-musl-ARCH.path, where PREFIX is the loader's path without its
// last two elements. If there is no such file it returns the default. An unreadable file counts as empty.
func (m *musl) systemPath() *searchPath {
	m.closure.loader.cache = muslPrefix(m.closure.Loader) + "/etc/ld-musl-" + m.conf.arch + ".path"
	data, err := m.sys.read(m.closure.loader.cache, maxPathFile)
	if errors.Is(err, fs.ErrNotExist) {
		return &searchPath{rule: "default of musl", dirs: muslDirs(muslDefault)}
	}
	if err != nil {
		data = nil // EACCES, or a folder: musl then searches nothing, not even the default
	}
	m.closure.pathFile = data
	return &searchPath{rule: m.closure.loader.cache, dirs: muslDirs(cText(data))}
}

// muslPrefix returns the loader's path without its last two elements, "" for /lib/ld-musl-x86_64.so.1.
func muslPrefix(loader string) string {
	if !strings.HasPrefix(loader, "/") {
		return ""
	}
	// A relocated musl, /opt/musl/lib/ld-musl-x86_64.so.1, reads its configuration from /opt/musl/etc.
	for range 2 {
		if i := strings.LastIndexByte(loader, '/'); i >= 0 {
			loader = loader[:i]
		}
	}
	return loader
}

// muslDirs splits a search path. It skips empty elements.
func muslDirs(list string) []string {
	return strings.FieldsFunc(list, func(c rune) bool { return c == ':' || c == '\n' })
}

// expandMusl replaces $ORIGIN and ${ORIGIN}, even if more letters follow. Any other "$" makes the whole list
// empty (fixup_rpath).
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

// muslOrigin returns the folder of a path, without resolving links. It is "" for "/app", and "." for a path
// without a slash.
func muslOrigin(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return "."
}

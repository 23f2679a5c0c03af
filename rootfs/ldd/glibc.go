package ldd

import (
	"debug/elf"
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// glibc loads the way of glibc's ld.so: one breadth-first process over all objects, in which a name that
// any loaded object goes by is not searched for again (elf/dl-deps.c, elf/dl-load.c).
type glibc struct {
	*process
	cache    *cache          // nil until it is asked for
	dirs     map[string]bool // folders of search paths: do they exist
	searched []string        // the places of the search under way, for errors
}

// libgcc is opened by glibc itself when a thread exits or is cancelled and for backtraces; without it
// the process aborts (sysdeps/nptl/unwind-forcedunwind.c, since 2.34 misc/unwind-link.c).
const libgcc = "libgcc_s.so.1"

// run loads all that the program needs at the start, then what is opened later: by the program, as far
// as it is told, and by glibc.
func (g *glibc) run(opens []string) error {
	g.dirs = map[string]bool{}
	if err := g.loadAll(g.main); err != nil {
		return err
	}
	g.closure.started = len(g.objects)
	for _, name := range opens {
		if err := g.open(name, g.main, "opened by the program (dlopen)"); err != nil {
			return err
		}
	}
	libc, ok := g.byName("libc.so.6")
	if !ok {
		return nil // a Go program built as PIE has a loader and no C library
	}
	// libc opens it by name, so its own search path counts, as of whoever calls dlopen. A system without
	// it is a working one, until a thread exits: its absence is told and is no error.
	before := len(g.missing)
	err := g.open(libgcc, libc, "opened by glibc in pthread_exit, pthread_cancel and backtrace")
	g.closure.Optional = append(g.closure.Optional, g.missing[before:]...)
	g.missing = g.missing[:before]
	return err
}

// open is dlopen: the caller's search path counts for the library, not for what the library needs.
func (g *glibc) open(name string, caller *loaded, why string) error {
	n := len(g.objects)
	o, err := g.load(dep{elf.DT_NEEDED, name}, caller)
	if err != nil || o == nil || len(g.objects) == n {
		return err
	}
	o.By = why + ", found by " + o.By
	o.parent = nil // __RTLD_CALLMAP: the caller was only lent for the search
	return g.loadAll(o)
}

// loadAll loads all that an object needs, and what that needs. The list is in the order of the loader's
// search scope: a DT_AUXILIARY or DT_FILTER library stands before the object that names it.
func (g *glibc) loadAll(first *loaded) error {
	list := []*loaded{first}
	done := map[*loaded]bool{}
	for i := 0; i < len(list); {
		o := list[i]
		if done[o] {
			i++ // only now: something may have been put in front of it, and comes first
			continue
		}
		if err := g.ctx.Err(); err != nil {
			return err
		}
		done[o] = true
		at := i
		for _, d := range o.dyn.deps {
			n, err := g.load(d, o)
			if err != nil {
				return err
			}
			switch {
			case n == nil: // missing
			case d.tag == elf.DT_NEEDED:
				if !slices.Contains(list, n) {
					list = append(list, n)
				}
			case !slices.Contains(list[:at], n):
				// New, or further behind: it moves here. What stands before is found first anyway.
				list = slices.DeleteFunc(list, func(x *loaded) bool { return x == n })
				list = slices.Insert(list, at, n)
				at++
				g.moveBefore(n, o)
			}
		}
	}
	return nil
}

// moveBefore puts an auxiliary or filter library in front of the object that names it, unless it is there
// already. The program stays first.
func (p *process) moveBefore(n, o *loaded) {
	from, to := slices.Index(p.objects, n), slices.Index(p.objects, o)
	if from < to || o == p.main {
		return
	}
	p.objects = slices.Insert(slices.Delete(p.objects, from, from+1), to, n)
	list := p.closure.Objects
	p.closure.Objects = slices.Insert(slices.Delete(list, from, from+1), to, n.Object)
}

// load returns the object for a dependency; nil when it is missing, which is noted.
func (g *glibc) load(d dep, by *loaded) (*loaded, error) {
	name, ok := g.tokens(by).expand(d.name)
	if !ok || name == "" {
		return nil, nil // the loader drops such an entry without a word
	}
	if o, ok := g.byName(name); ok {
		return o, nil
	}
	g.searched = nil
	c, err := g.find(name, by)
	if err == nil && c != nil {
		return g.mapFile(name, c, by)
	}
	if d.tag == elf.DT_AUXILIARY {
		// Whatever is wrong with it, the loader goes on without.
		g.closure.Optional = append(g.closure.Optional, g.notFound(name, by.Path, g.searched))
		return nil, nil
	}
	if err == nil {
		g.miss(name, by)
	}
	return nil, err
}

// miss notes a missing library, once: the loader would search again for everyone who asks, and a reader
// learns nothing from the repetition.
func (g *glibc) miss(name string, by *loaded) {
	for _, m := range g.missing {
		if m.Soname == name {
			return
		}
	}
	g.missing = append(g.missing, g.notFound(name, by.Path, g.searched))
}

// byName is _dl_name_match_p and the comparison with DT_SONAME, over all loaded objects.
func (g *glibc) byName(name string) (*loaded, bool) {
	for _, o := range g.objects {
		if o.names[name] || (o.Soname == name && name != "") {
			return o, true
		}
	}
	return nil, false
}

// mapFile adds a found file to the process, or a name to the object that it is already.
func (g *glibc) mapFile(name string, c *candidate, by *loaded) (*loaded, error) {
	defer func() { _ = c.body.Close() }() // only read
	for _, o := range g.objects {
		if g.sameFile(c, o) {
			// Another name of a file that is mapped: the name is good from now on.
			o.names[name], o.names[c.name] = true, true
			o.alias(c)
			return o, nil
		}
	}
	d, err := c.elf.dynamic()
	if err == nil {
		err = c.elf.checkMappable(d)
	}
	if err != nil {
		return nil, &LoadError{Path: c.name, NeededBy: by.Path, Err: err}
	}
	o := &loaded{
		Object: &Object{
			Name: name, Path: g.absolute(c.name), Real: c.real, Soname: d.soname, Links: c.links, Dirs: c.through,
			NeededBy: by.Object, By: c.by,
		},
		dyn: d, info: c.body.info, names: map[string]bool{name: true, c.name: true},
		origin: originOf(g.absolute(c.name)), parent: by,
	}
	g.add(o)
	return o, nil
}

// originOf is the folder of a path as it stands, links and ".." included: what a library's $ORIGIN is.
func originOf(name string) string {
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		return name[:i]
	}
	return "/"
}

// tokens returns what $ORIGIN, $LIB and $PLATFORM are in the strings of an object.
func (g *glibc) tokens(o *loaded) tokens {
	return tokens{origin: o.origin, lib: g.conf.lib, platform: platforms[g.want.machine]}
}

// errAbandon ends the search in a list of folders: the file is there and cannot be opened.
var errAbandon = errors.New("abandon this search path")

// tryOpen opens a candidate. A nil candidate lets the search go on; errAbandon ends the list of folders
// that it is in; any other error ends the program.
func (g *glibc) tryOpen(name, rule string, by *loaded) (*candidate, error) {
	at, err := g.sys.walk(g.absolute(name))
	if err != nil {
		return nil, g.openError(name, err)
	}
	// From here on the file is there. What open(2) forbids counts as absent, what is wrong with an open
	// file is fatal, except that it is for another machine.
	body, err := g.sys.open(at)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, g.openError(name, err)
	}
	if err != nil {
		return nil, &LoadError{Path: name, NeededBy: by.Path, Err: err}
	}
	f, err := openVerify(body, g.want)
	if err == nil {
		return &candidate{name: name, place: at, elf: f, body: body, by: rule}, nil
	}
	err = errors.Join(err, body.Close())
	var other mismatch
	if errors.As(err, &other) {
		g.note(name + " " + string(other))
		return nil, nil
	}
	return nil, &LoadError{Path: name, NeededBy: by.Path, Err: err}
}

// openError sorts the errors of opening a file.
func (g *glibc) openError(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, fs.ErrPermission):
		// EACCES: the loader will say "no such file", which misleads; here the reader learns of it.
		g.note(name + " cannot be read")
		return nil
	}
	g.note(name + ": " + err.Error())
	return errAbandon
}

// note adds evidence to the place that is being searched.
func (g *glibc) note(text string) {
	if n := len(g.searched); n > 0 {
		g.searched[n-1] += ", " + text
	}
}

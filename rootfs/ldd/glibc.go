package ldd

import (
	"debug/elf"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// glibc loads the way of glibc's ld.so: one breadth-first process over all objects, in which a name that
// any loaded object goes by is not searched for again (elf/dl-deps.c, elf/dl-load.c).
type glibc struct {
	*process
	cpu       []string        // levels of the CPU, best first; none is the baseline
	subdirs   []string        // what is tried within each folder, ends with the folder itself
	dirs      map[string]bool // folders of search paths: do they exist
	searched  []string        // the places of the search under way, for errors
	onlySetID bool            // the search takes libraries alone that are set-user-ID themselves
	variants
}

// libgcc is opened by glibc itself when a thread exits or is cancelled and for backtraces; without it
// the process aborts (sysdeps/nptl/unwind-forcedunwind.c, since 2.34 misc/unwind-link.c).
const libgcc = "libgcc_s.so.1"

// newGlibc returns the rules for a CPU.
func newGlibc(r *process, cpu []string, excluded map[string]bool) *glibc {
	g := &glibc{process: r, cpu: cpu, dirs: map[string]bool{}, variants: variants{excluded: excluded}}
	for _, level := range cpu {
		g.subdirs = append(g.subdirs, hwcapsDir+level+"/")
	}
	g.subdirs = append(g.subdirs, g.conf.subdirs(g.want)...)
	// _dl_name_match_p, and the comparison with DT_SONAME: the path, the request, the soname. Of the
	// program it is the soname alone.
	g.addName(g.main, g.main.Soname)
	g.addName(g.loader, g.loader.Name)
	g.addName(g.loader, g.loader.Soname)
	return g
}

// start loads what is preloaded and all that the program needs. What is preloaded follows the program in the
// loader's list, so that what it needs itself comes behind what the program needs.
func (g *glibc) start() error {
	first := []*loaded{g.main}
	for _, p := range g.preloads() {
		o, err := g.preload(p)
		if err != nil {
			return err
		}
		if o != nil {
			first = append(first, o)
		}
	}
	return g.loadAll(first...)
}

// open is dlopen by the program.
func (g *glibc) open(name string) (*loaded, error) {
	return g.openFor(name, g.main, "opened by the program (dlopen)")
}

// finish opens what libc opens by name, so that its own search path counts, as of whoever calls dlopen. A
// system without it is a working one, until a thread exits: its absence is told and is no error.
func (g *glibc) finish() error {
	if err := g.audit(); err != nil {
		return err
	}
	libc, ok := g.names["libc.so.6"]
	if !ok {
		return nil // a Go program built as PIE has a loader and no C library
	}
	before := len(g.missing)
	g.opening = libgcc
	o, err := g.openFor(libgcc, libc, "opened by glibc in pthread_exit, pthread_cancel and backtrace")
	g.recordEntry(o)
	g.closure.Optional = append(g.closure.Optional, g.missing[before:]...)
	g.missing = g.missing[:before]
	return err
}

// openFor is dlopen: the caller's search path counts for the library, not for what the library needs.
func (g *glibc) openFor(name string, caller *loaded, why string) (*loaded, error) {
	n := len(g.objects)
	o, err := g.load(dep{elf.DT_NEEDED, name}, caller)
	if err != nil || o == nil || len(g.objects) == n {
		return o, err
	}
	o.By = why + ", found by " + o.By
	o.parent = nil // __RTLD_CALLMAP: the caller was only lent for the search
	return o, g.loadAll(o)
}

// search looks for a library as the loader would now.
func (g *glibc) search(name string, by *loaded) (*candidate, error) {
	name, ok := g.tokens(by).expand(name)
	if !ok || name == "" {
		return nil, nil
	}
	if o, ok := g.names[name]; ok {
		return &candidate{name: o.Path, place: place{real: o.Real}}, nil
	}
	g.searched = nil
	c, err := g.find(name, by)
	if c != nil && c.bad != nil {
		return nil, c.bad
	}
	return c, err
}

// loadAll loads all that an object needs, and what that needs. The list is in the order of the loader's
// search scope: a DT_AUXILIARY or DT_FILTER library stands before the object that names it.
func (g *glibc) loadAll(first ...*loaded) error {
	list := first
	listed := map[*loaded]bool{}
	for _, o := range first {
		listed[o] = true
	}
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
			n, err := g.loadDep(d, o)
			if err != nil {
				return err
			}
			if n != nil {
				o.addNeed(n)
			}
			switch {
			case n == nil: // missing
				continue
			case d.tag == elf.DT_NEEDED:
				if !listed[n] {
					list = append(list, n)
				}
			case !slices.Contains(list[:at], n):
				// New, or further behind: it moves here. What stands before is found first anyway.
				list = slices.DeleteFunc(list, func(x *loaded) bool { return x == n })
				list = slices.Insert(list, at, n)
				at++
				g.moveBefore(n, o)
			}
			listed[n] = true
		}
	}
	return nil
}

// moveBefore puts an auxiliary or filter library in front of the object that names it, unless it is there
// already. The program stays first.
func (r *process) moveBefore(n, o *loaded) {
	from, to := slices.Index(r.objects, n), slices.Index(r.objects, o)
	if from < to || o == r.main {
		return
	}
	r.objects = slices.Insert(slices.Delete(r.objects, from, from+1), to, n)
	list := r.closure.Objects
	r.closure.Objects = slices.Insert(slices.Delete(list, from, from+1), to, n.Object)
}

// loadDep is load for what a header asks for. There a set-ID program may not have any token, the value of which
// is for its user to choose (expand_dst in glibc's elf/dl-deps.c).
func (g *glibc) loadDep(d dep, by *loaded) (*loaded, error) {
	if !g.secure() || !hasToken(d.name) {
		return g.load(d, by)
	}
	err := errors.New("DST not allowed in SUID/SGID programs")
	g.excludeVariantOf(by, err)
	return nil, &LoadError{
		Path: d.name, NeededBy: by.Path, Err: err,
		fix: fmt.Sprintf("link %s by a name without $ORIGIN, $LIB and $PLATFORM, or take the set-ID bits and capabilities from %s", by.Path, g.main.Path),
	}
}

// load returns the object for a dependency; nil when it is missing, which is noted.
func (g *glibc) load(d dep, by *loaded) (*loaded, error) {
	name, ok := g.tokens(by).expand(d.name)
	if !ok || name == "" {
		return nil, nil // the loader drops such an entry without a word
	}
	if o, ok := g.names[name]; ok {
		return o, nil
	}
	g.searched = nil
	c, err := g.find(name, by)
	if err == nil && c != nil {
		return g.mapFile(name, c, by)
	}
	if d.tag == elf.DT_AUXILIARY && g.ctx.Err() == nil {
		// Whatever is wrong with it, the loader goes on without.
		if err != nil {
			g.closure.Left = append(g.closure.Left, Left{name, err})
		} else {
			g.closure.Optional = append(g.closure.Optional, g.notFound(name, by.Path, g.searched))
		}
		return nil, nil
	}
	if err == nil {
		g.addMissing(name, by)
	}
	return nil, err
}

// miss notes a missing library, once: the loader would search again for everyone who asks, and a reader
// learns nothing from the repetition.
func (g *glibc) addMissing(name string, by *loaded) {
	g.excludeVariantOf(by, fmt.Errorf("it needs %q, which is not there", name))
	for _, m := range g.missing {
		if m.Soname == name {
			return
		}
	}
	e := g.notFound(name, by.Path, g.searched)
	if file := g.findForNewerCPU(name, by); file != "" {
		e.Fix = fmt.Sprintf("install %s for all CPUs too: %s is for newer ones only", name, file)
	}
	g.missing = append(g.missing, e)
}

// mapFile adds a found file to the process, or a name to the object that it is already.
func (g *glibc) mapFile(name string, c *candidate, by *loaded) (*loaded, error) {
	for _, o := range g.objects {
		if g.sameFile(c, o) {
			// Another name of a file that is mapped: the name is good from now on.
			g.addName(o, name)
			g.addName(o, c.name)
			g.addAlias(o, c)
			return o, nil
		}
	}
	bad := c.bad
	if bad == nil && g.opening != "" && c.dyn.flags1&elf.DF_1_NOOPEN != 0 {
		bad = errors.New("shared object cannot be dlopen()ed")
	}
	if bad != nil {
		g.excludeVariantOf(by, bad)
		return nil, &LoadError{Path: c.name, NeededBy: by.Path, Err: bad}
	}
	o := &loaded{
		Object: g.object(name, c, by),
		dyn:    c.dyn, info: c.file.info, isa: c.isa,
		origin: originOf(g.absolute(c.name)), parent: by,
	}
	g.addName(o, name)
	g.addName(o, c.name)
	g.addName(o, o.Soname)
	if !strings.HasPrefix(c.name, "/") {
		g.warning("%q is found in the working directory, %s", c.name, g.env.Workdir)
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
	t := tokens{origin: o.origin, lib: g.conf.lib, platform: platforms[g.want.machine], secure: g.secure()}
	if t.secure && o == g.main {
		t.trust = func(name string) bool { return g.isTrusted(path.Clean(name) + "/") }
	}
	return t
}

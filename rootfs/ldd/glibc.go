package ldd

import (
	debugelf "debug/elf"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// glibc loads like glibc's ld.so: one breadth-first walk over all objects, which does not search again for a
// name that any loaded object has (elf/dl-deps.c, elf/dl-load.c).
type glibc struct {
	*process
	cpu       []string        // levels of the CPU, best first; empty for the baseline
	subdirs   []string        // subfolders tried in each folder; the last is the folder itself
	dirs      map[string]bool // whether a folder of a search path exists
	searched  searchLog       // places of the current search, for errors
	onlySetID bool            // the search accepts only set-user-ID libraries

	lists       map[listKey]*searchPath
	trustedList *searchPath
	above       *glibc // the rules for newer CPUs, see findForNewerCPU
	variants
}

// libgcc is opened by glibc itself for backtraces and when a thread exits or is cancelled. Without it the
// process aborts (sysdeps/nptl/unwind-forcedunwind.c, since 2.34 misc/unwind-link.c).
const libgcc = "libgcc_s.so.1"

// newGlibc returns the rules for a CPU.
func newGlibc(r *process, cpu []string, excluded map[string]bool) *glibc {
	g := &glibc{process: r, cpu: cpu, dirs: map[string]bool{}, lists: map[listKey]*searchPath{}, variants: variants{excluded: excluded}}
	for _, level := range cpu {
		g.subdirs = append(g.subdirs, hwcapsDir+level+"/")
	}
	g.subdirs = append(g.subdirs, g.conf.subdirs(g.want)...)
	// _dl_name_match_p, and the comparison with DT_SONAME. An object matches by its path, the name asked for
	// and its soname; the program only by its soname.
	g.addName(g.main, g.main.Soname)
	g.addName(g.loader, g.loader.Name)
	g.addName(g.loader, g.loader.Soname)
	return g
}

// start loads what is preloaded and what the program needs. Preloaded libraries follow the program in the
// loader's list, so their own dependencies come after those of the program.
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

// finish opens the library that libc opens by name; libc's own search path applies, as for any caller of
// dlopen. If it is missing, the system works until a thread exits, so it is listed as optional and is no error.
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

// openFor is dlopen. The caller's search path applies to the library, but not to its dependencies.
func (g *glibc) openFor(name string, caller *loaded, why string) (*loaded, error) {
	n := len(g.objects)
	o, err := g.load(elf.Dep{Tag: debugelf.DT_NEEDED, Name: name}, caller)
	if err != nil || o == nil || len(g.objects) == n {
		return o, err
	}
	o.By = why + ", found by " + o.By
	o.parent = nil // __RTLD_CALLMAP: the caller is used only for the search
	return o, g.loadAll(o)
}

// search looks for a library as the loader would in the current state.
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

// loadAll loads the dependencies of objects, recursively. The list has the order of the loader's search scope:
// a DT_AUXILIARY or DT_FILTER library comes before the object that names it.
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
			i++ // only now: an object that was put in front of it comes first
			continue
		}
		if err := g.stopped(); err != nil {
			return err
		}
		done[o] = true
		at := i
		for _, d := range o.dyn.Deps {
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
			case d.Tag == debugelf.DT_NEEDED:
				if !listed[n] {
					list = append(list, n)
				}
			case !slices.Contains(list[:at], n):
				// New, or further back: it moves here. If it is further forward, it stays.
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

// moveBefore moves an auxiliary or filter library in front of the object that names it, if it is behind it. The
// program stays first.
func (r *process) moveBefore(n, o *loaded) {
	from, to := slices.Index(r.objects, n), slices.Index(r.objects, o)
	if from < to || o == r.main {
		return
	}
	r.objects = slices.Insert(slices.Delete(r.objects, from, from+1), to, n)
	list := r.closure.Objects
	r.closure.Objects = slices.Insert(slices.Delete(list, from, from+1), to, n.Object)
}

// loadDep is load for a dependency in a header. In a set-ID program it must not contain a token, because the
// user could choose its value (expand_dst in glibc's elf/dl-deps.c).
func (g *glibc) loadDep(d elf.Dep, by *loaded) (*loaded, error) {
	if !g.secure() || !hasToken(d.Name) {
		return g.load(d, by)
	}
	err := errors.New("DST not allowed in SUID/SGID programs")
	g.excludeVariantOf(by, err)
	return nil, &LoadError{
		Path: d.Name, NeededBy: by.Path, Err: err,
		fix: fmt.Sprintf("link %s with a name without $ORIGIN, $LIB and $PLATFORM, or remove the set-ID bits and capabilities of %s", by.Path, g.main.Path),
	}
}

// load returns the object of a dependency. If it is missing, load records that and returns nil.
func (g *glibc) load(d elf.Dep, by *loaded) (*loaded, error) {
	name, ok := g.tokens(by).expand(d.Name)
	if !ok || name == "" {
		return nil, nil // the loader silently drops such an entry
	}
	if o, ok := g.names[name]; ok {
		return o, nil
	}
	g.searched = nil
	c, err := g.find(name, by)
	if err == nil && c != nil {
		return g.mapFile(name, c, by)
	}
	if d.Tag == debugelf.DT_AUXILIARY && g.stopped() == nil {
		// The loader continues without it, whatever is wrong.
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

// addMissing records a missing library, once. The loader would search again for each object that asks, but
// repeating the error does not help the user.
func (g *glibc) addMissing(name string, by *loaded) {
	g.excludeVariantOf(by, fmt.Errorf("it needs %q, which is missing", name))
	for _, m := range g.missing {
		if m.Soname == name {
			return
		}
	}
	e := g.notFound(name, by.Path, g.searched)
	if file := g.findForNewerCPU(name, by); file != "" {
		e.Fix = fmt.Sprintf("also install %s for all CPUs: %s is only for newer ones", name, file)
	}
	g.missing = append(g.missing, e)
}

// mapFile adds a found file to the process. If the file is loaded already, mapFile adds a name to its object.
func (g *glibc) mapFile(name string, c *candidate, by *loaded) (*loaded, error) {
	for _, o := range g.objects {
		if g.sameFile(c, o) {
			// Another name of a file that is mapped: later searches use it.
			g.addName(o, name)
			g.addName(o, c.name)
			g.addAlias(o, c)
			return o, nil
		}
	}
	bad := c.bad
	if bad == nil && g.opening != "" && c.dyn.Flags1&debugelf.DF_1_NOOPEN != 0 {
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

// originOf returns $ORIGIN of a library: the folder of its path, without resolving links and "..".
func originOf(name string) string {
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		return name[:i]
	}
	return "/"
}

// tokens returns the values of $ORIGIN, $LIB and $PLATFORM for the strings of an object.
func (g *glibc) tokens(o *loaded) tokens {
	t := tokens{origin: o.origin, lib: g.conf.lib, platform: platforms[g.want.Machine], secure: g.secure()}
	if t.secure && o == g.main {
		t.trust = func(name string) bool { return g.isTrusted(path.Clean(name) + "/") }
	}
	return t
}

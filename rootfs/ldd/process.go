package ldd

import (
	"context"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// process is the state of one process that starts: what is loaded so far and by which names. Resolution
// is one walk with this state over all objects. Tools that resolve object by object get another answer:
// what a name means depends on what was loaded before, and by whom.
type process struct {
	ctx     context.Context
	sys     *walker
	env     Env
	files   map[string]*file // read so far, by real path
	parsed  *parsedFiles     // and before, under whatever path
	conf    loaderConf
	want    *header            // of the loader; the files that it accepts look like it
	distro  distro             // for advice
	cache   func() *cache      // ld.so.cache, read when it is first asked for
	closure *Closure           // what is returned
	main    *loaded            // the program
	loader  *loaded            // nil for a static program
	objects []*loaded          // as closure.Objects, in the same order
	names   map[string]*loaded // what a name means; for glibc sonames are names too
	missing []*NotFoundError   // what the program cannot start without
	opening string             // what is being opened, "" while the program starts
	undo    []func()           // takes changes of objects back, the last one first
}

// loaded is a mapped object, glibc's link_map or musl's dso.
type loaded struct {
	*Object
	dyn          *dynamic    // never nil
	info         fs.FileInfo // of the open file: its inode tells two paths of one file
	isa          uint32      // x86 ISA levels that it needs
	origin       string      // $ORIGIN
	hasShortName bool        // goes by a name without a slash; musl asks
	parent       *loaded     // who asked first; its search path may count too
	capable      bool        // of the program: its file gives whoever starts it capabilities
}

// secure says whether the loader does not trust who starts the program (AT_SECURE, see getauxval(3)): it is
// set-user-ID or set-group-ID, or its file has capabilities.
func (r *process) secure() bool {
	return r.main.capable || r.main.info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0
}

// fork returns a process at the same point of its life that goes on by itself; what was read of files is
// shared. Only one that has not loaded more than the program and its loader is ever forked.
func (r *process) fork() *process {
	q := *r
	c := *r.closure
	c.Objects, c.tries, c.entries = nil, map[string]bool{}, map[string]*Object{}
	q.closure, q.objects, q.names = &c, nil, map[string]*loaded{}
	q.main = r.main.clone()
	q.add(q.main)
	if r.loader != nil {
		q.loader = r.loader.clone()
		q.loader.NeededBy = q.main.Object
		q.add(q.loader)
	}
	return &q
}

// clone copies an object with all of it that may change.
func (o *loaded) clone() *loaded {
	c, object := *o, *o.Object
	c.Object = &object
	return &c
}

// mark is a point to come back to.
type mark struct {
	closure Closure
	list    []*Object
	objects []*loaded
	missing []*NotFoundError
	undo    int
}

// mark remembers the state of the process.
func (r *process) mark() mark {
	return mark{*r.closure, slices.Clone(r.closure.Objects), slices.Clone(r.objects), r.missing, len(r.undo)}
}

// reset puts the process back to where it was.
func (r *process) reset(m mark) {
	for len(r.undo) > m.undo {
		last := len(r.undo) - 1
		r.undo[last]()
		r.undo = r.undo[:last]
	}
	*r.closure = m.closure
	r.closure.Objects, r.objects, r.missing = m.list, m.objects, m.missing
}

// add appends an object to the closure.
func (r *process) add(o *loaded) {
	r.objects = append(r.objects, o)
	r.closure.Objects = append(r.closure.Objects, o.Object)
}

// link notes that an object asks for another one.
func (o *loaded) addNeed(n *loaded) {
	if !slices.Contains(o.needs, n.Object) {
		o.needs = append(o.needs, n.Object)
	}
}

// recordEntry notes under which name an object was opened.
func (r *process) recordEntry(o *loaded) {
	if o != nil {
		r.closure.entries[r.opening] = o.Object
	}
}

// name notes that an object goes by a name from now on. Who has it already keeps it: the loaders ask their
// objects in the order in which they were loaded.
func (r *process) addName(o *loaded, name string) {
	if _, taken := r.names[name]; !taken && name != "" {
		r.names[name] = o
		r.undo = append(r.undo, func() { delete(r.names, name) })
	}
}

// addAlias notes that a second path leads to an object that is loaded already. An image needs the links of
// that path too, and a hard link becomes a symbolic one there: two files would be loaded twice.
func (r *process) addAlias(o *loaded, c *candidate) {
	links := c.links
	if c.real != o.Real {
		// A copy of the slice: its array belongs to the walk.
		links = append(links[:len(links):len(links)], Link{Path: c.real, Target: o.Real})
	}
	was := *o.Object
	r.undo = append(r.undo, func() { o.Links, o.Dirs = was.Links, was.Dirs })
	o.addPath(links, c.through)
}

// reach adds what a second path to the object passes. The slices that it had stay as they are.
func (o *Object) addPath(links []Link, dirs []string) {
	have := map[string]bool{}
	for _, l := range o.Links {
		have[l.Path] = true
	}
	all := slices.Clone(o.Links)
	for _, l := range links {
		if !have[l.Path] {
			all = append(all, l)
		}
	}
	o.Links, o.Dirs = all, compact(slices.Concat(o.Dirs, dirs))
}

// absolute makes a path absolute as the kernel would for the process.
func (r *process) absolute(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return strings.TrimSuffix(r.env.Workdir, "/") + "/" + name
}

// candidate is a file that a search found.
type candidate struct {
	name string // as the loader opened it, maybe relative: glibc's l_name
	place
	*file
	by    string // the rule that found it
	level string // of the glibc-hwcaps folder that it is in
}

// object makes the object of a candidate.
func (r *process) object(name string, c *candidate, by *loaded) *Object {
	return &Object{
		Name: name, Path: r.absolute(c.name), Real: c.real, Soname: c.dyn.soname, Links: c.links, Dirs: c.through,
		NeededBy: by.Object, By: c.by, Opened: r.opening, Level: c.level,
	}
}

// sameFile says whether a candidate is the file of an object: its inode is, or where there are no inodes
// its path.
func (r *process) sameFile(c *candidate, o *loaded) bool {
	if o == r.main {
		// The kernel mapped it; the loaders never saw its inode.
		return false
	}
	return c.real == o.Real || os.SameFile(c.file.info, o.info)
}

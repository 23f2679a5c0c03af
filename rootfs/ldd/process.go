package ldd

import (
	"context"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// process is the state of one process that starts: the objects loaded so far and their names. One walk with
// this state covers all objects. Tools that resolve each object by itself get wrong results, because what a
// name means depends on what was loaded before, and by whom.
type process struct {
	ctx      context.Context
	sys      *walker
	searches *searches // shared by all processes of one resolution
	env      Env
	files    map[string]*file // files read so far, by real path
	parsed   *parsedFiles     // files that were parsed before, by any path
	conf     loaderConf
	want     *elf.Header        // the loader's header, which an accepted file has to match
	distro   distro             // for the fix of an error
	cache    func() *cache      // ld.so.cache, read at the first call
	closure  *Closure           // the result
	main     *loaded            // the program
	loader   *loaded            // nil if static
	objects  []*loaded          // in the same order as closure.Objects
	names    map[string]*loaded // object by name; in glibc a soname is a name too
	missing  []*NotFoundError   // libraries that the program cannot start without
	opening  string             // name that is being opened, "" while the program starts
	undo     []func()           // reverts changes of objects; run in reverse order
}

// loaded is a mapped object, glibc's link_map or musl's dso.
type loaded struct {
	*Object
	dyn          *elf.Dynamic // never nil
	info         fs.FileInfo  // of the open file; its inode identifies the file
	isa          uint32       // x86 ISA levels that it needs, as bits
	origin       string       // $ORIGIN
	hasShortName bool         // has a name without a slash; for musl
	parent       *loaded      // the object that asked first; its search path may apply too
	capable      bool         // the program's file gives a process capabilities
}

// secure reports whether the loader does not trust the user who starts the program (AT_SECURE, see
// getauxval(3)). That is so if the program is set-user-ID or set-group-ID, or if its file has capabilities.
func (r *process) secure() bool {
	return r.main.capable || r.main.info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0
}

// fork returns a copy of the process that continues independently; what was read of files is shared. The
// process may not have loaded more than the program and its loader.
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

// clone copies an object and everything in it that may change.
func (o *loaded) clone() *loaded {
	c, object := *o, *o.Object
	c.Object = &object
	return &c
}

// mark is a saved state of a process.
type mark struct {
	closure Closure
	list    []*Object
	objects []*loaded
	missing []*NotFoundError
	undo    int
}

// mark saves the state of the process.
func (r *process) mark() mark {
	return mark{*r.closure, slices.Clone(r.closure.Objects), slices.Clone(r.objects), r.missing, len(r.undo)}
}

// reset restores a saved state.
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

// addNeed records that an object asks for another one.
func (o *loaded) addNeed(n *loaded) {
	if !slices.Contains(o.needs, n.Object) {
		o.needs = append(o.needs, n.Object)
	}
}

// recordEntry records the object that was opened by the name r.opening.
func (r *process) recordEntry(o *loaded) {
	if o != nil {
		r.closure.entries[r.opening] = o.Object
	}
}

// addName gives an object a name. If another object has the name already, that one keeps it: the loaders search
// their objects in the order in which they were loaded.
func (r *process) addName(o *loaded, name string) {
	if _, taken := r.names[name]; !taken && name != "" {
		r.names[name] = o
		r.undo = append(r.undo, func() { delete(r.names, name) })
	}
}

// addAlias records a second path to an object that is loaded already. An image needs the links of that path
// too. A hard link becomes a symbolic link in the image, because two files would be loaded twice.
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

// addPath adds the links and folders of a second path to the object. It does not modify the slices that it had.
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

// absolute makes a path absolute, relative to the working directory of the process.
func (r *process) absolute(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return strings.TrimSuffix(r.env.Workdir, "/") + "/" + name
}

// candidate is a file that a search found.
type candidate struct {
	name string // as the loader opens it, maybe relative: glibc's l_name
	place
	*file
	by    string // the rule that found it
	level string // CPU level of its glibc-hwcaps folder
}

// object returns a new object for a candidate.
func (r *process) object(name string, c *candidate, by *loaded) *Object {
	return &Object{
		Name: name, Path: r.absolute(c.name), Real: c.real, Soname: c.dyn.Soname, Links: c.links, Dirs: c.through,
		NeededBy: by.Object, By: c.by, Opened: r.opening, Level: c.level,
	}
}

// sameFile reports whether a candidate is the file of an object. It compares inodes, or paths if there are no
// inodes.
func (r *process) sameFile(c *candidate, o *loaded) bool {
	if o == r.main {
		// The kernel mapped the program, so the loaders do not know its inode.
		return false
	}
	return c.real == o.Real || os.SameFile(c.file.info, o.info)
}

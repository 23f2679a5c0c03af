// Package exclude takes files out of a sysroot: what people exclude is as if it were not installed, for
// whoever looks there, be it a loader, a library that lists its plugins, or whoever copies data.
//
// Nothing is executed, and only the sysroot is read.
package exclude

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// FS is a sysroot without what some patterns fit. It is for many at once.
type FS struct {
	sys   ldd.FS
	rules []*rule

	mu    sync.Mutex
	known map[string][]*rule // rules that hide a name
}

// rule is a pattern at work.
type rule struct {
	pattern string          // as it was given
	last    string          // its last element
	dirs    map[string]bool // folders without links, in which last hides; nil is all
	used    bool            // it has hidden something that is there
}

// New returns sys without what fits a pattern. Patterns are those of [path.Match], of absolute paths, or
// without a slash of names in any folder. A pattern that fits a folder hides all that is in it; one that
// fits a link hides the link, not what it leads to. The folders of a pattern may be links: where /lib is
// one to /usr/lib, /lib/libz.so.1 and /usr/lib/libz.so.1 are the same.
//
// As [ldd.FS] has it, what is asked for has no link in its folders.
func New(sys ldd.FS, patterns []string) *FS {
	f := &FS{sys: sys, known: map[string][]*rule{".": nil}}
	for _, p := range patterns {
		f.rules = append(f.rules, newRule(sys, p))
	}
	return f
}

// newRule reads a pattern. A relative one with a slash fits nothing.
func newRule(sys ldd.FS, pattern string) *rule {
	dir, last := path.Split(strings.TrimRight(pattern, "/"))
	r := &rule{pattern: pattern, last: last}
	if dir == "" && last != "" && !strings.HasSuffix(pattern, "/") {
		return r
	}
	r.dirs = map[string]bool{}
	if path.IsAbs(pattern) && last != "" {
		for _, real := range folders(sys, strings.Split(strings.Trim(dir, "/"), "/")) {
			r.dirs[inFS(real)] = true
		}
	}
	return r
}

// folders returns the folders that a pattern fits, element by element, without links.
func folders(sys ldd.FS, elems []string) []string {
	found := []string{"/"}
	for _, elem := range elems {
		if elem == "" || elem == "." {
			continue
		}
		var next []string
		for _, dir := range found {
			for _, name := range matching(sys, dir, elem) {
				if real, _, err := ldd.Follow(sys, path.Join(dir, name)); err == nil && !slices.Contains(next, real) {
					next = append(next, real)
				}
			}
		}
		found = next
	}
	return found
}

// matching returns the names in a folder that an element fits. What cannot be listed has none.
func matching(sys ldd.FS, dir, elem string) []string {
	if !strings.ContainsAny(elem, `*?[\`) {
		return []string{elem}
	}
	if info, err := sys.Lstat(inFS(dir)); err != nil || !info.IsDir() {
		return nil
	}
	f, err := sys.Open(inFS(dir))
	if err != nil {
		return nil
	}
	defer f.Close() // nothing was written
	var names []string
	if d, ok := f.(fs.ReadDirFile); ok {
		entries, _ := d.ReadDir(-1)
		for _, e := range entries {
			if ok, err := path.Match(elem, e.Name()); ok && err == nil {
				names = append(names, e.Name())
			}
		}
	}
	return names
}

// inFS is the io/fs name of an absolute path without links.
func inFS(real string) string {
	if real == "/" {
		return "."
	}
	return strings.TrimPrefix(real, "/")
}

// fits says whether a rule hides a name, which is not in a hidden folder.
func (r *rule) fits(name string) bool {
	if r.dirs != nil && !r.dirs[path.Dir(name)] {
		return false
	}
	ok, err := path.Match(r.last, path.Base(name))
	return ok && err == nil
}

// hiding returns the rules that hide a name.
func (f *FS) hiding(name string) []*rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hidingLocked(name)
}

func (f *FS) hidingLocked(name string) []*rule {
	if rules, ok := f.known[name]; ok {
		return rules
	}
	rules := slices.Clip(f.hidingLocked(path.Dir(name)))
	for _, r := range f.rules {
		if !slices.Contains(rules, r) && r.fits(name) {
			rules = append(rules, r)
		}
	}
	f.known[name] = rules
	return rules
}

// hides says whether a name is hidden, and notes which rules have done so.
func (f *FS) hides(name string) bool {
	rules := f.hiding(name)
	if len(rules) == 0 {
		return false
	}
	if _, err := f.sys.Lstat(name); err == nil {
		f.use(rules)
	}
	return true
}

func (f *FS) use(rules []*rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rules {
		r.used = true
	}
}

// Open opens what is not hidden; of a folder what is hidden is not listed.
func (f *FS) Open(name string) (fs.File, error) {
	if f.hides(name) {
		return nil, nothing("open", name)
	}
	file, err := f.sys.Open(name)
	if err != nil {
		return nil, err
	}
	if d, ok := file.(fs.ReadDirFile); ok {
		if info, err := file.Stat(); err == nil && info.IsDir() {
			return &folder{d, f, name}, nil
		}
	}
	return file, nil
}

// Lstat describes what is not hidden.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	if f.hides(name) {
		return nil, nothing("lstat", name)
	}
	return f.sys.Lstat(name)
}

// ReadLink returns the target of a link that is not hidden.
func (f *FS) ReadLink(name string) (string, error) {
	if f.hides(name) {
		return "", nothing("readlink", name)
	}
	return f.sys.ReadLink(name)
}

func nothing(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

// folder is an open folder of which some names are not seen.
type folder struct {
	fs.ReadDirFile
	in   *FS
	name string
}

// ReadDir lists the folder as [fs.ReadDirFile] has it.
func (d *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	for {
		list, err := d.ReadDirFile.ReadDir(n)
		seen := list[:0:0]
		for _, e := range list {
			rules := d.in.hiding(path.Join(d.name, e.Name()))
			if len(rules) == 0 {
				seen = append(seen, e)
			}
			d.in.use(rules)
		}
		if n <= 0 || err != nil || len(seen) > 0 || len(list) == 0 {
			return seen, err
		}
	}
}

// Pattern returns the pattern that hides a path: what it is called, a link that it passes, or what it
// leads to. It is "" for one that is not hidden, or not there.
func (f *FS) Pattern(name string) string {
	real, links, err := ldd.Follow(f.sys, name)
	if err != nil {
		return ""
	}
	for _, l := range append(links, ldd.Link{Path: real}) {
		if rules := f.hiding(inFS(l.Path)); len(rules) > 0 {
			return rules[0].pattern
		}
	}
	return ""
}

// Idle returns the patterns that have hidden nothing of what was asked for so far.
func (f *FS) Idle() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var idle []string
	for _, r := range f.rules {
		if !r.used {
			idle = append(idle, r.pattern)
		}
	}
	return idle
}

// Package exclude hides files of a sysroot. [New] takes a sysroot and patterns and returns a sysroot without the
// matching files, as if they were not installed: neither the search for libraries, nor a list of plugins, nor a
// copy of data includes them.
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

// FS is a sysroot without the files that match some patterns. It is safe for concurrent use.
type FS struct {
	sys   ldd.FS
	rules []*rule

	mu    sync.Mutex
	known map[string][]*rule // cache of the rules that hide a name
}

// rule is a parsed pattern.
type rule struct {
	pattern string          // as given to New
	last    string          // its last element
	dirs    map[string]bool // folders, without links, that last applies in; nil means all
	used    bool            // it has hidden an existing file
}

// New returns sys without the files that match a pattern. A pattern is one of [path.Match]: with a slash it
// matches absolute paths, without a slash it matches names in any folder. A pattern that matches a folder
// hides its content too. A pattern that matches a link hides the link, not its target. The folders of a
// pattern may be links: if /lib is a link to /usr/lib, /lib/libz.so.1 and /usr/lib/libz.so.1 mean the same.
//
// As [ldd.FS] requires, the folders in the names that callers pass must not be links.
func New(sys ldd.FS, patterns []string) *FS {
	f := &FS{sys: sys, known: map[string][]*rule{".": nil}}
	for _, p := range patterns {
		f.rules = append(f.rules, newRule(sys, p))
	}
	return f
}

// newRule parses a pattern. A relative pattern with a slash matches nothing.
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

// folders returns the folders that match a pattern, element by element, without links.
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

// matching returns the names in a folder that match an element, none if the folder can't be listed.
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
	defer f.Close() // opened for reading only
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

// inFS converts an absolute path without links to a name in io/fs.
func inFS(real string) string {
	if real == "/" {
		return "."
	}
	return strings.TrimPrefix(real, "/")
}

// matches reports whether a rule hides a name that is not in a hidden folder.
func (r *rule) matches(name string) bool {
	if r.dirs != nil && !r.dirs[path.Dir(name)] {
		return false
	}
	ok, err := path.Match(r.last, path.Base(name))
	return ok && err == nil
}

// rulesFor returns the rules that hide a name.
func (f *FS) rulesFor(name string) []*rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rulesForLocked(name)
}

func (f *FS) rulesForLocked(name string) []*rule {
	if rules, ok := f.known[name]; ok {
		return rules
	}
	rules := slices.Clip(f.rulesForLocked(path.Dir(name)))
	for _, r := range f.rules {
		if !slices.Contains(rules, r) && r.matches(name) {
			rules = append(rules, r)
		}
	}
	f.known[name] = rules
	return rules
}

// hides reports whether a name is hidden, and marks the rules that hide it as used if the file exists.
func (f *FS) hides(name string) bool {
	rules := f.rulesFor(name)
	if len(rules) == 0 {
		return false
	}
	if _, err := f.sys.Lstat(name); err == nil {
		f.markUsed(rules)
	}
	return true
}

func (f *FS) markUsed(rules []*rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rules {
		r.used = true
	}
}

// Open opens a file that is not hidden. A folder does not list its hidden files.
func (f *FS) Open(name string) (fs.File, error) {
	if f.hides(name) {
		return nil, notExistError("open", name)
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

// Lstat describes a file that is not hidden.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	if f.hides(name) {
		return nil, notExistError("lstat", name)
	}
	return f.sys.Lstat(name)
}

// ReadLink returns the target of a link that is not hidden.
func (f *FS) ReadLink(name string) (string, error) {
	if f.hides(name) {
		return "", notExistError("readlink", name)
	}
	return f.sys.ReadLink(name)
}

func notExistError(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// folder is an open folder that does not list hidden names.
type folder struct {
	fs.ReadDirFile
	in   *FS
	name string
}

// ReadDir lists the folder, see [fs.ReadDirFile].
func (d *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	for {
		list, err := d.ReadDirFile.ReadDir(n)
		visible := list[:0:0]
		for _, e := range list {
			rules := d.in.rulesFor(path.Join(d.name, e.Name()))
			if len(rules) == 0 {
				visible = append(visible, e)
			}
			d.in.markUsed(rules)
		}
		if n <= 0 || err != nil || len(visible) > 0 || len(list) == 0 {
			return visible, err
		}
	}
}

// Pattern returns the pattern that hides a path, a link on the way, or the target. It returns "" if the
// path is not hidden or does not exist.
func (f *FS) Pattern(name string) string {
	real, links, err := ldd.Follow(f.sys, name)
	if err != nil {
		return ""
	}
	for _, l := range append(links, ldd.Link{Path: real}) {
		if rules := f.rulesFor(inFS(l.Path)); len(rules) > 0 {
			return rules[0].pattern
		}
	}
	return ""
}

// Unused returns the patterns that have not hidden any file so far.
func (f *FS) Unused() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var unused []string
	for _, r := range f.rules {
		if !r.used {
			unused = append(unused, r.pattern)
		}
	}
	return unused
}

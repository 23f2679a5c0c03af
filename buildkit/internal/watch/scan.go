package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// snapshot is what the last scan found, by folder.
type snapshot map[string]folder

// folder is the marks of the entries of one folder, by name.
type folder map[string]mark

// mark is what is compared of a file. Of a folder, only its being a folder is compared.
type mark struct {
	mode     fs.FileMode
	size     int64
	modified int64 // nanoseconds since 1970
}

func newMark(info fs.FileInfo) mark {
	if info.IsDir() {
		return mark{mode: fs.ModeDir}
	}
	return mark{info.Mode(), info.Size(), info.ModTime().UnixNano()}
}

// isFile reports whether path existed and was not a folder.
func (s snapshot) isFile(path string) bool {
	m, ok := s[filepath.Dir(path)][filepath.Base(path)]
	return ok && !m.mode.IsDir()
}

// changes compares two snapshots, each with the scope that it was made with. A path that only one scope covers counts
// as changed only if it is new in the scope and was modified since the given time, if there is one.
func changes(before, after snapshot, from, to *scope, since time.Time) map[string]bool {
	changed := map[string]bool{}
	for dir, f := range after {
		for name, m := range f {
			old, known := before[dir][name]
			if old == m && known {
				continue
			}
			if path := filepath.Join(dir, name); known || from.covers(path) || m.isSince(since) {
				changed[path] = true
			}
		}
	}
	for dir, f := range before {
		for name := range f {
			if _, still := after[dir][name]; still {
				continue
			}
			if path := filepath.Join(dir, name); to.covers(path) {
				changed[path] = true
			}
		}
	}
	return changed
}

// clockLag is how far a file's time may be behind the clock, because the kernel takes it from its last tick.
const clockLag = 20 * time.Millisecond

// isSince reports whether the file was modified since a time that is not zero.
func (m mark) isSince(since time.Time) bool {
	return !since.IsZero() && !m.mode.IsDir() && m.modified >= since.Add(-clockLag).UnixNano()
}

// scanner is one scan.
type scanner struct {
	scope  *scope
	before snapshot
	after  snapshot
	noted  notes
	watch  func(dir string, self fs.FileInfo) // called before a folder is read
}

// scan reads all folders of the scope, highest first.
func (s *scanner) scan() {
	s.climb()
	for _, dir := range s.scope.above {
		if self, err := os.Stat(dir); err == nil && self.IsDir() {
			s.watch(dir, self)
		}
	}
	roots := make([]string, 0, len(s.scope.roots))
	for root := range s.scope.roots {
		roots = append(roots, root)
	}
	slices.Sort(roots)
	for _, root := range roots {
		s.visit(root, slices.Contains(s.scope.trees, root) || s.scope.inTree(root))
	}
}

// climb watches the nearest folder that exists above the roots if the highest watched folder does not exist.
func (s *scanner) climb() {
	if len(s.scope.above) == 0 {
		return
	}
	for dir := s.scope.above[0]; ; dir = filepath.Dir(dir) {
		self, err := os.Stat(dir)
		if err == nil && self.IsDir() {
			s.watch(dir, self)
		}
		if err == nil || dir == filepath.Dir(dir) {
			return
		}
	}
}

// visit reads one folder, and in a tree those below it. An unreadable folder counts as missing.
func (s *scanner) visit(dir string, tree bool) {
	if _, done := s.after[dir]; done {
		return
	}
	self, err := os.Stat(dir)
	if err != nil || !self.IsDir() {
		return
	}
	s.watch(dir, self)
	f, known := s.before[dir]
	if !known || s.noted.all || s.noted.dirs[dir] {
		f = s.read(dir)
	}
	s.after[dir] = f
	if !tree {
		return
	}
	for name, m := range f {
		if below := filepath.Join(dir, name); m.mode.IsDir() && s.scope.inTree(below) {
			s.visit(below, true)
		}
	}
}

// read reads everything in a folder that the scope covers.
func (s *scanner) read(dir string) folder {
	entries := folder{}
	names := s.scope.single[dir]
	if s.scope.dirs[dir] || s.scope.inTree(dir) || slices.Contains(s.scope.trees, dir) {
		listed, _ := os.ReadDir(dir) // a partial list is better than none
		for _, entry := range listed {
			names = append(names[:len(names):len(names)], entry.Name())
		}
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if !s.scope.covers(path) {
			continue
		}
		info, err := os.Lstat(path)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			if target, err := os.Stat(path); err == nil && !target.IsDir() {
				info = target
			}
		}
		if err == nil {
			entries[name] = newMark(info)
		}
	}
	return entries
}

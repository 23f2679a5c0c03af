package watch

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// editorNames are patterns of names that only editors use: vim's backup, swap and probe files, Emacs' auto-saved files
// and locks, JetBrains' temporary ones, and the Finder's notes.
var editorNames = []string{"*~", ".*.sw?", "4913", "#*#", ".#*", "___jb_*___", ".DS_Store"}

// scope is a set of Paths, made for looking things up. It does not change.
type scope struct {
	files  map[string]bool // absolute paths, as all here
	dirs   map[string]bool
	trees  []string
	names  []string            // patterns to ignore
	paths  []string            // paths to ignore
	roots  map[string]bool     // folders that files, dirs and trees are in or are: where looking begins
	single map[string][]string // folder: names of the files in it
	ways   map[string]bool     // roots and every folder above one
	above  []string            // the folders above roots that are watched, highest first
}

// noScope watches nothing.
var noScope scope

// newScope makes the paths absolute.
func newScope(p Paths) (*scope, error) {
	s := &scope{
		files: map[string]bool{}, dirs: map[string]bool{}, names: editorNames,
		roots: map[string]bool{}, single: map[string][]string{}, ways: map[string]bool{},
	}
	var failed error
	each := func(paths []string, add func(path string)) {
		for _, path := range paths {
			absolute, err := filepath.Abs(path)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("watching %q: %w", path, err))
				continue
			}
			add(absolute)
		}
	}
	each(p.Files, s.addFile)
	each(p.Dirs, func(path string) { s.dirs[path], s.roots[path] = true, true })
	each(p.Trees, func(path string) {
		s.trees, s.roots[path] = append(s.trees, path), true
		s.addFile(path) // it may be one, now or later
	})
	for _, pattern := range p.Ignore {
		if strings.ContainsRune(filepath.ToSlash(pattern), '/') {
			each([]string{pattern}, func(path string) { s.paths = append(s.paths, path) })
			continue
		}
		if _, err := filepath.Match(pattern, ""); err != nil {
			failed = errors.Join(failed, fmt.Errorf("ignoring %q: %w\nfix: write a pattern like *.log, or a path with a slash", pattern, err))
		}
		s.names = append(s.names[:len(s.names):len(s.names)], pattern)
	}
	s.findWays()
	return s, failed
}

func (s *scope) addFile(path string) {
	if dir := filepath.Dir(path); !s.files[path] && dir != path {
		s.files[path], s.roots[dir] = true, true
		s.single[dir] = append(s.single[dir], filepath.Base(path))
	}
}

// findWays finds the folders above the roots. All of them can take a root away or bring it back by a rename; watched
// are those up to the one above what all roots have in common.
func (s *scope) findWays() {
	count := map[string]int{}
	for root := range s.roots {
		for dir := root; ; dir = filepath.Dir(dir) {
			s.ways[dir] = true
			count[dir]++
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	common := ""
	for dir, n := range count {
		if n == len(s.roots) && len(dir) > len(common) {
			common = dir
		}
	}
	top := filepath.Dir(common)
	for dir := range s.ways {
		if len(s.roots) > 0 && (dir == top || within(dir, top)) {
			s.above = append(s.above, dir)
		}
	}
	slices.Sort(s.above) // a folder comes before what is in it
}

// covers reports whether a change of this path matters.
func (s *scope) covers(path string) bool {
	return s.files[path] || s.dirs[filepath.Dir(path)] && !s.ignores(path) || s.inTree(path)
}

// inTree reports whether a path is below one of the trees, and nothing on the way from there is ignored.
func (s *scope) inTree(path string) bool {
	for _, tree := range s.trees {
		below := path
		for within(below, tree) && !s.ignores(below) {
			below = filepath.Dir(below)
		}
		if below == tree && path != tree {
			return true
		}
	}
	return false
}

// ignores looks at one name, and at the whole path.
func (s *scope) ignores(path string) bool {
	for _, pattern := range s.names {
		if ok, _ := filepath.Match(pattern, filepath.Base(path)); ok { // newScope has tried the pattern
			return true
		}
	}
	for _, ignored := range s.paths {
		if path == ignored || within(path, ignored) {
			return true
		}
	}
	return false
}

// within reports whether path is below dir.
func within(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && rest != "" && (rest[0] == filepath.Separator || strings.HasSuffix(dir, string(filepath.Separator)))
}

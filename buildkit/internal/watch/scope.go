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

// scope is a set of Paths, indexed for lookups. It does not change.
type scope struct {
	files     map[string]bool // all paths here are absolute
	dirs      map[string]bool
	trees     []string
	names     []string            // patterns to ignore
	paths     []string            // paths to ignore
	roots     map[string]bool     // where scans begin: dirs, trees and the folders of files
	single    map[string][]string // folder to names of the files in it
	ancestors map[string]bool     // roots and every folder above one
	above     []string            // the folders above roots that are watched, highest first
}

// noScope watches nothing.
var noScope scope

// newScope makes the paths absolute.
func newScope(p Paths) (*scope, error) {
	s := &scope{
		files: map[string]bool{}, dirs: map[string]bool{}, names: editorNames,
		roots: map[string]bool{}, single: map[string][]string{}, ancestors: map[string]bool{},
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
		s.addFile(path) // it may be a file, now or later
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
	s.findAncestors()
	return s, failed
}

func (s *scope) addFile(path string) {
	if dir := filepath.Dir(path); !s.files[path] && dir != path {
		s.files[path], s.roots[dir] = true, true
		s.single[dir] = append(s.single[dir], filepath.Base(path))
	}
}

// findAncestors finds the folders above the roots. A rename of any of them can remove a root or bring it back. Watched are
// those up to the one above the roots' common ancestor.
func (s *scope) findAncestors() {
	count := map[string]int{}
	for root := range s.roots {
		for dir := root; ; dir = filepath.Dir(dir) {
			s.ancestors[dir] = true
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
	for dir := range s.ancestors {
		if len(s.roots) > 0 && (dir == top || within(dir, top)) {
			s.above = append(s.above, dir)
		}
	}
	slices.Sort(s.above) // a folder comes before its contents
}

// covers reports whether a change of this path matters.
func (s *scope) covers(path string) bool {
	return s.files[path] || s.dirs[filepath.Dir(path)] && !s.ignores(path) || s.inTree(path)
}

// inTree reports whether a path is in one of the trees and not ignored there.
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

// ignores reports whether the path or its last name is ignored.
func (s *scope) ignores(path string) bool {
	for _, pattern := range s.names {
		if ok, _ := filepath.Match(pattern, filepath.Base(path)); ok { // newScope has checked the pattern
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

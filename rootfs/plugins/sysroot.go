package plugins

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// sysroot looks up files in a sysroot and caches the results.
type sysroot struct {
	sys    ldd.FS
	reals  map[string]string
	lists  map[string][]string
	shared map[string]bool
}

func newSysroot(sys ldd.FS) *sysroot {
	return &sysroot{sys: sys, reals: map[string]string{}, lists: map[string][]string{}, shared: map[string]bool{}}
}

// follow resolves the links in a path, "" if there is nothing.
func (s *sysroot) follow(name string) string {
	real, ok := s.reals[name]
	if !ok {
		real, _, _ = ldd.Follow(s.sys, name)
		s.reals[name] = real
	}
	return real
}

// inFS converts an absolute path without links to a name in io/fs.
func inFS(real string) string {
	if real == "/" {
		return "."
	}
	return real[1:]
}

// mode returns the mode of the file that a path leads to; ok is false if there is none.
func (s *sysroot) mode(name string) (mode fs.FileMode, ok bool) {
	real := s.follow(name)
	if real == "" {
		return 0, false
	}
	info, err := s.sys.Lstat(inFS(real))
	if err != nil {
		return 0, false
	}
	return info.Mode(), true
}

// list returns the names in a folder, sorted. It returns none for a file, or for a folder that can't be
// read.
func (s *sysroot) list(dir string) []string {
	real := s.follow(dir)
	if names, ok := s.lists[real]; ok {
		return names
	}
	var names []string
	if mode, ok := s.mode(dir); ok && mode.IsDir() {
		names = s.readDir(real)
	}
	s.lists[real] = names
	return names
}

// readDir lists a folder.
func (s *sysroot) readDir(real string) []string {
	f, err := s.sys.Open(inFS(real))
	if err != nil {
		return nil
	}
	defer f.Close() // opened for reading only
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	entries, _ := d.ReadDir(-1)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

// glob returns the paths that match a pattern, sorted. Links are not resolved, because a library opens its
// files by these names. Elements are those of [path.Match], and braces list alternatives. A name without
// special characters is returned if it exists.
func (s *sysroot) glob(pattern string) []string {
	var out []string
	for _, p := range braces(pattern) {
		found := []string{"/"}
		for _, elem := range strings.Split(strings.Trim(path.Clean(p), "/"), "/") {
			found = s.match(found, elem)
		}
		out = append(out, found...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// globFirst returns the first match of a pattern, in the order of its alternatives. The last braces change
// slowest.
func (s *sysroot) globFirst(pattern string) []string {
	for _, p := range braces(pattern) {
		if names := s.glob(p); len(names) > 0 {
			return names[:1]
		}
	}
	return nil
}

// match returns the paths in some folders that match an element.
func (s *sysroot) match(dirs []string, elem string) []string {
	var out []string
	for _, dir := range dirs {
		if !strings.ContainsAny(elem, `*?[\`) {
			if name := path.Join(dir, elem); s.follow(name) != "" {
				out = append(out, name)
			}
			continue
		}
		for _, name := range s.list(dir) {
			// Skip links that lead nowhere.
			if ok, err := path.Match(elem, name); ok && err == nil && s.follow(path.Join(dir, name)) != "" {
				out = append(out, path.Join(dir, name))
			}
		}
	}
	return out
}

// braces expands {a,b} as a shell does, but in another order: the first braces change fastest.
func braces(pattern string) []string {
	before, rest, ok := strings.Cut(pattern, "{")
	list, after, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return []string{pattern}
	}
	var out []string
	for _, tail := range braces(after) {
		for _, alternative := range strings.Split(list, ",") {
			out = append(out, before+alternative+tail)
		}
	}
	return out
}

// isShared reports whether the first bytes of a file are those of a shared object. Only [ldd.Resolve] knows
// whether it can be loaded.
func (s *sysroot) isShared(name string) bool {
	if mode, ok := s.mode(name); !ok || !mode.IsRegular() {
		return false
	}
	real := s.follow(name)
	shared, ok := s.shared[real]
	if !ok {
		shared = s.readShared(real)
		s.shared[real] = shared
	}
	return shared
}

func (s *sysroot) readShared(real string) bool {
	f, err := s.sys.Open(inFS(real))
	if err != nil {
		return false
	}
	defer f.Close()
	// e_type, bytes 16 and 17 in either byte order, is 3 for ET_DYN, see elf(5).
	var b [18]byte
	_, err = io.ReadFull(f, b[:])
	return err == nil && string(b[:4]) == "\x7fELF" && b[16]+b[17] == 3
}

package gobuild

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pathFlags are the flags that cgo allows and that take a path of headers or libraries,
// https://go.dev/src/cmd/go/internal/work/security.go. The path is the rest of the word, or the next one.
var pathFlags = []string{"-idirafter", "-isystem", "-iquote", "-include", "-imacros", "-I", "-L"}

// addCgo adds the sources of the C compiler that are not installed in the system: the package's own folder, and folders
// of headers and libraries, and libraries, in the flags of cgo. Changes of the system's libraries are noticed in another
// way: they go into the image.
func (s *selection) addCgo(src *Sources, p *pkg) {
	modules := []string{src.Module}
	if p.Module != nil {
		modules = append(modules, p.Module.Dir)
	}
	if !below(p.Dir, s.vars["GOMODCACHE"]) {
		src.Cgo = append(src.Cgo, p.Dir)
	}
	for _, path := range s.cgoPaths(p) {
		if !below(path, "/usr") && !below(path, "/lib") && !below(path, s.vars["GOMODCACHE"]) {
			s.addHeaders(src, p, path)
		}
		holds := func(module string) bool { return module != "" && below(module, path) }
		switch {
		case below(path, "/usr"), below(path, "/lib"), below(path, s.vars["GOMODCACHE"]):
		case slices.ContainsFunc(modules, holds):
			src.Cgo = append(src.Cgo, path)
		default:
			src.Trees = append(src.Trees, path)
		}
	}
}

// cgoPaths returns the paths in the flags of cgo, from the package and the environment. The compiler runs in the
// package's folder.
func (s *selection) cgoPaths(p *pkg) []string {
	lists := [][]string{p.CgoCFLAGS, p.CgoCPPFLAGS, p.CgoCXXFLAGS, p.CgoFFLAGS, p.CgoLDFLAGS}
	for _, name := range []string{"CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_FFLAGS", "CGO_LDFLAGS"} {
		lists = append(lists, split(getenv(s.env, name)))
	}
	var paths []string
	for _, flags := range lists {
		before := false // the last word was a flag whose path is the next word
		for _, word := range flags {
			path, asked := cutPathFlag(word)
			named := asked || before
			before = asked && path == ""
			path = strings.TrimPrefix(path, "=")
			if path == "" || !named && strings.HasPrefix(path, "-") {
				continue
			}
			if !filepath.IsAbs(path) {
				path = filepath.Join(p.Dir, path)
			}
			// A word without a flag is a library, or the name of something else.
			if _, err := os.Lstat(path); named || err == nil {
				paths = append(paths, filepath.Clean(path))
			}
		}
	}
	return paths
}

// cutPathFlag removes a flag that takes a path from the start of a word.
func cutPathFlag(word string) (rest string, asked bool) {
	for _, flag := range pathFlags {
		if rest, ok := strings.CutPrefix(word, flag); ok {
			return rest, true
		}
	}
	return word, false
}

package ldd

import (
	"debug/elf"
	"errors"
	"io/fs"
	"strings"
)

// searchPath is a list of folders and the rule that it comes from.
type searchPath struct {
	rule string
	dirs []string // each ends in "/"; "" is the working directory
}

// find searches for a library, _dl_map_object in glibc's elf/dl-load.c. The first hit wins.
func (g *glibc) find(name string, by *loaded) (*candidate, error) {
	if strings.Contains(name, "/") {
		// The name was expanded by the loader of dependencies; _dl_map_object does so again.
		path, ok := g.tokens(by).expand(name)
		if !ok {
			return nil, nil
		}
		g.searched = append(g.searched, path)
		c, err := g.tryOpen(path, "path in "+by.Path, "", by)
		if errors.Is(err, errAbandon) {
			err = nil
		}
		return c, err
	}
	for _, list := range g.paths(by) {
		if c, err := g.openPath(name, list, by); c != nil || err != nil {
			return c, err
		}
	}
	c, err := g.fromCache(name, by)
	if c != nil || err != nil {
		return c, err
	}
	if by.dyn.flags1&elf.DF_1_NODEFLIB != 0 {
		return nil, nil
	}
	return g.fromTrusted(name, by)
}

// paths returns the lists of folders that come before the cache.
func (g *glibc) paths(by *loaded) []searchPath {
	var lists []searchPath
	if !by.dyn.hasRunpath {
		// The chain is that of who loaded whom first; an object with DT_RUNPATH adds nothing to it,
		// and the walk goes on above it.
		didMain := false
		for o := by; o != nil; o = o.parent {
			lists = append(lists, g.rpath(o))
			didMain = didMain || o == g.main
		}
		if !didMain {
			lists = append(lists, g.rpath(g.main))
		}
	}
	lists = append(lists, searchPath{"LD_LIBRARY_PATH", g.libraryPath()})
	// Never that of who loaded the object: a RUNPATH counts for the object's own needs alone.
	return append(lists, searchPath{"RUNPATH of " + by.Path, g.dirList(by.dyn.runpath, ":", by)})
}

// rpath is the DT_RPATH of an object, which a DT_RUNPATH makes void.
func (g *glibc) rpath(o *loaded) searchPath {
	if o.dyn.hasRunpath {
		return searchPath{}
	}
	return searchPath{"RPATH of " + o.Path, g.dirList(o.dyn.rpath, ":", o)}
}

// libraryPath returns LD_LIBRARY_PATH, which a set-user-ID or set-group-ID program does not get.
func (g *glibc) libraryPath() []string {
	if g.secure() {
		return nil
	}
	return g.dirList(g.env.LibraryPath, ":;", g.main)
}

// dirList splits and expands a search path (fillin_rpath). An empty list has no folders; an empty
// element of a list is the working directory.
func (g *glibc) dirList(list, separators string, o *loaded) []string {
	if list == "" {
		return nil
	}
	var dirs []string
	for _, elem := range splitAny(list, separators) {
		if elem == "" {
			dirs = append(dirs, "")
			continue
		}
		dir, ok := g.tokens(o).expand(elem)
		if !ok || dir == "" {
			continue // a token without a value, or with an empty one, voids its element
		}
		dirs = append(dirs, strings.TrimRight(dir, "/")+"/")
	}
	return compact(dirs)
}

// splitAny splits at each of the separators, empty parts included.
func splitAny(s, separators string) []string {
	var out []string
	for {
		i := strings.IndexAny(s, separators)
		if i < 0 {
			return append(out, s)
		}
		out = append(out, s[:i])
		s = s[i+1:]
	}
}

// openPath looks for a library in a list of folders (open_path).
func (g *glibc) openPath(name string, list searchPath, by *loaded) (*candidate, error) {
	for _, dir := range list.dirs {
		g.searched = append(g.searched, dirLabel(dir)+" ("+list.rule+")")
		for _, sub := range g.subdirs {
			if !g.exists(dir + sub) {
				continue
			}
			c, err := g.tryOpen(dir+sub+name, list.rule, levelOf(sub), by)
			// The loader looks at errno after the last of the subfolders, which is the folder itself.
			if errors.Is(err, errAbandon) && sub == "" {
				return nil, nil
			}
			if err != nil && !errors.Is(err, errAbandon) && !errors.Is(err, errExcluded) {
				return nil, err
			}
			if c != nil && g.onlySetID && c.file.info.Mode()&fs.ModeSetuid == 0 {
				continue
			}
			if c != nil {
				return c, nil
			}
		}
	}
	return nil, nil
}

// dirLabel names a folder for people.
func dirLabel(dir string) string {
	switch dir {
	case "":
		return "the working directory"
	case "/":
		return dir
	}
	return strings.TrimSuffix(dir, "/")
}

// exists says whether a folder of a search path is there. The loader asks once per folder and takes
// relative ones for granted.
func (g *glibc) exists(dir string) bool {
	if !strings.HasPrefix(dir, "/") {
		return true
	}
	ok, known := g.dirs[dir]
	if !known {
		at, err := g.sys.walk(dir)
		ok = err == nil && at.info.IsDir()
		g.dirs[dir] = ok
	}
	return ok
}

// fromCache asks ld.so.cache. An entry whose file is gone or of another kind is passed over.
func (g *glibc) fromCache(name string, by *loaded) (*candidate, error) {
	if g.conf.cache == "" || g.onlySetID {
		return nil, nil
	}
	cache := g.cache()
	g.searched = append(g.searched, cache.place)
	for _, e := range cache.find(name, g.cpu) {
		if by.dyn.flags1&elf.DF_1_NODEFLIB != 0 && g.isTrusted(e.value) {
			return nil, nil // -z nodefaultlib hides these folders in the cache too
		}
		c, err := g.tryOpen(e.value, cache.rule, e.level, by)
		if errors.Is(err, errExcluded) {
			continue // in an image without this file the entry is not there either
		}
		if errors.Is(err, errAbandon) {
			err = nil
		}
		if c == nil {
			return nil, err
		}
		g.closure.lookups = append(g.closure.lookups, lookup{name, e.value, c.real, e.level})
		// In an image without a cache the default folders are all there is.
		g.closure.needsConf = g.closure.needsConf || !g.trustedHas(name, c, by)
		return c, nil
	}
	return nil, nil
}

// isTrusted says whether a path begins like a trusted folder.
func (g *glibc) isTrusted(path string) bool {
	for _, dir := range g.conf.trusted {
		if strings.HasPrefix(path, dir) {
			return true
		}
	}
	return false
}

// trustedHas says whether the trusted folders alone would have led to the same file.
func (g *glibc) trustedHas(name string, c *candidate, by *loaded) bool {
	if by.dyn.flags1&elf.DF_1_NODEFLIB != 0 {
		return false
	}
	saved := g.searched // this search is ours, not the loader's
	defer func() { g.searched = saved }()
	t, err := g.openPath(name, g.trusted(), by)
	if err != nil || t == nil {
		return false
	}
	return t.real == c.real
}

// fromTrusted looks into the folders compiled into the loader.
func (g *glibc) fromTrusted(name string, by *loaded) (*candidate, error) {
	c, err := g.openPath(name, g.trusted(), by)
	if c != nil {
		c.by = "trusted directory " + originOf(c.name)
		g.closure.lookups = append(g.closure.lookups, lookup{name, c.name, c.real, c.level})
	}
	return c, err
}

// trusted is the search path that is compiled into the loader.
func (g *glibc) trusted() searchPath { return searchPath{"trusted directory", g.conf.trusted} }

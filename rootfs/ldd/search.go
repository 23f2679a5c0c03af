package ldd

import (
	"debug/elf"
	"errors"
	"io/fs"
	"strings"
)

// find searches for a library, like _dl_map_object in glibc's elf/dl-load.c. The first hit wins.
func (g *glibc) find(name string, by *loaded) (*candidate, error) {
	if strings.Contains(name, "/") {
		// The name was expanded already when dependencies were loaded; _dl_map_object expands it again.
		path, ok := g.tokens(by).expand(name)
		if !ok {
			return nil, nil
		}
		g.searched.add(path)
		c, err := g.tryOpen(path, "path in "+by.Path, "", by)
		if errors.Is(err, errAbandon) {
			err = nil
		}
		return c, err
	}
	lists, err := g.paths(by)
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		if c, err := g.openPath(name, list, by); c != nil || err != nil {
			return c, err
		}
	}
	c, err := g.fromCache(name, by)
	if c != nil || err != nil {
		return c, err
	}
	if by.dyn.Flags1&elf.DF_1_NODEFLIB != 0 {
		return nil, nil
	}
	return g.fromTrusted(name, by)
}

// paths returns the lists of folders that are searched before the cache.
func (g *glibc) paths(by *loaded) (lists []*searchPath, err error) {
	add := func(o *loaded, rule, text string) {
		if text == "" || err != nil {
			return
		}
		var list *searchPath
		list, err = g.list(o, rule, text, ":")
		lists = append(lists, list)
	}
	if !by.dyn.HasRunpath {
		// Follow the chain of objects by which each was first loaded. An object with DT_RUNPATH adds no
		// folders, but the chain continues above it.
		didMain := false
		for o := by; o != nil; o = o.parent {
			add(o, "RPATH", rpath(o))
			didMain = didMain || o == g.main
		}
		if !didMain {
			add(g.main, "RPATH", rpath(g.main))
		}
	}
	// For a set-user-ID or set-group-ID program, LD_LIBRARY_PATH is ignored.
	if g.env.LibraryPath != "" && !g.secure() && err == nil {
		var list *searchPath
		list, err = g.list(g.main, "LD_LIBRARY_PATH", g.env.LibraryPath, ":;")
		lists = append(lists, list)
	}
	// A RUNPATH applies only to the object's own dependencies, not to those of the libraries that it loads.
	add(by, "RUNPATH", by.dyn.Runpath)
	return lists, err
}

// rpath returns the DT_RPATH of an object. If there is a DT_RUNPATH, DT_RPATH is ignored.
func rpath(o *loaded) string {
	if o.dyn.HasRunpath {
		return ""
	}
	return o.dyn.Rpath
}

// listKey names a search path.
type listKey struct {
	o    *loaded // whose tokens it has
	rule string
}

// list returns a search path of an object. It is made at the first call.
func (g *glibc) list(o *loaded, rule, text, separators string) (*searchPath, error) {
	key := listKey{o, rule}
	if list, ok := g.lists[key]; ok {
		return list, nil
	}
	list := &searchPath{rule: rule, dirs: g.dirList(text, separators, o), label: dirLabel}
	if separators == ":" {
		list.rule += " of " + o.Path
	}
	g.lists[key] = list
	return list, g.searches.take(len(list.dirs))
}

// dirList splits and expands a search path (fillin_rpath). An empty list has no folders. An empty element of a
// list is the working directory.
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
			continue // a token without a value removes its element
		}
		dirs = append(dirs, strings.TrimRight(dir, "/")+"/")
	}
	return compact(dirs)
}

// splitAny splits at each of the separators. It keeps empty parts.
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
func (g *glibc) openPath(name string, list *searchPath, by *loaded) (*candidate, error) {
	if err := g.searches.take(1); err != nil {
		return nil, err
	}
	g.searched.begin(list)
	for i := 0; ; i++ {
		at, ok, err := list.next(i, g.scan)
		if err == nil && ok {
			err = g.searches.take(1)
		}
		switch {
		case err != nil:
			return nil, err
		case !ok:
			g.searched.reach(len(list.dirs))
			return nil, nil
		}
		g.searched.reach(at.i + 1)
		c, err := g.tryOpen(list.dirs[at.i]+at.sub+name, list.rule, levelOf(at.sub), by)
		// The loader checks errno after the last subfolder, which is the folder itself.
		if errors.Is(err, errAbandon) && at.sub == "" {
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

// scan returns the subfolders of a folder that exist, in the order of the search.
func (g *glibc) scan(dir string) ([]string, error) {
	if !g.exists(dir) {
		return nil, nil // nor do its subfolders
	}
	if err := g.searches.take(len(g.subdirs)); err != nil {
		return nil, err
	}
	var subs []string
	for _, sub := range g.subdirs {
		if g.exists(dir + sub) {
			subs = append(subs, sub)
		}
	}
	return subs, nil
}

// exists reports whether a folder of a search path exists. Like the loader, it checks each folder once and
// assumes that relative ones exist.
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

// fromCache looks up a library in ld.so.cache. It skips an entry whose file is missing or of another kind.
func (g *glibc) fromCache(name string, by *loaded) (*candidate, error) {
	if g.conf.cache == "" || g.onlySetID {
		return nil, nil
	}
	cache := g.cache()
	g.searched.add(cache.place)
	for _, e := range cache.find(name, g.cpu) {
		if by.dyn.Flags1&elf.DF_1_NODEFLIB != 0 && g.isTrusted(e.value) {
			return nil, nil // -z nodefaultlib also hides these folders in the cache
		}
		c, err := g.tryOpen(e.value, cache.rule, e.level, by)
		if errors.Is(err, errExcluded) {
			continue // an image without this file does not have the entry
		}
		if errors.Is(err, errAbandon) {
			err = nil
		}
		if c == nil {
			return nil, err
		}
		g.closure.lookups = append(g.closure.lookups, lookup{name, e.value, c.real, e.level})
		// An image without a cache has only the default folders.
		g.closure.needsConf = g.closure.needsConf || !g.trustedHas(name, c, by)
		return c, nil
	}
	return nil, nil
}

// isTrusted reports whether a path begins with a trusted folder.
func (g *glibc) isTrusted(path string) bool {
	for _, dir := range g.conf.trusted {
		if strings.HasPrefix(path, dir) {
			return true
		}
	}
	return false
}

// trustedHas reports whether the trusted folders alone lead to the same file.
func (g *glibc) trustedHas(name string, c *candidate, by *loaded) bool {
	if by.dyn.Flags1&elf.DF_1_NODEFLIB != 0 {
		return false
	}
	saved := g.searched // the loader does not make this search
	defer func() { g.searched = saved }()
	t, err := g.openPath(name, g.trusted(), by)
	if err != nil || t == nil {
		return false
	}
	return t.real == c.real
}

// fromTrusted searches the folders that are compiled into the loader.
func (g *glibc) fromTrusted(name string, by *loaded) (*candidate, error) {
	c, err := g.openPath(name, g.trusted(), by)
	if c != nil {
		c.by = "trusted directory " + originOf(c.name)
		g.closure.lookups = append(g.closure.lookups, lookup{name, c.name, c.real, c.level})
	}
	return c, err
}

// trusted returns the search path that is compiled into the loader.
func (g *glibc) trusted() *searchPath {
	if g.trustedList == nil {
		g.trustedList = &searchPath{rule: "trusted directory", dirs: g.conf.trusted, label: dirLabel}
	}
	return g.trustedList
}

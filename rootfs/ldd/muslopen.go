package ldd

import (
	"errors"
	"io/fs"
	"slices"
)

// openPath looks for a library in a list of folders (path_open).
func (m *musl) openPath(name string, list *searchPath, by *loaded) (*candidate, error) {
	if err := m.searches.take(1); err != nil {
		return nil, err
	}
	m.searched.begin(list)
	for i := 0; ; i++ {
		at, ok, err := list.next(i, m.scan)
		if err == nil && ok {
			err = m.searches.take(1)
		}
		switch {
		case err != nil:
			return nil, err
		case !ok:
			m.searched.reach(len(list.dirs))
			return nil, nil
		}
		m.searched.reach(at.i + 1)
		dir := list.dirs[at.i]
		c, err := m.tryOpen(dir+"/"+name, list.rule, by)
		if err != nil {
			return nil, err
		}
		if c == nil {
			continue
		}
		// In an image of only the closure's files, the default order finds what is in a default folder.
		// Anything else needs the path file there.
		if m.closure.pathFile != nil && list.rule == m.system.rule && !slices.Contains(muslDirs(muslDefault), dir) {
			m.closure.needsConf = true
		}
		return c, nil
	}
}

// scan returns the folder itself, and nothing if no file can be found below it. The loader tries to open each file; it goes on
// after the errors that a missing folder leads to.
func (m *musl) scan(dir string) ([]string, error) {
	if _, err := m.sys.walk(m.absolute(dir + "/")); isNotFound(err) {
		return nil, nil
	}
	return []string{""}, nil
}

// tryOpen opens a candidate. If it returns nil, the search continues; errAbandon ends the search for the
// library.
func (m *musl) tryOpen(name, rule string, by *loaded) (*candidate, error) {
	at, err := m.sys.walk(m.absolute(name))
	if isNotFound(err) || errors.Is(err, errTooLong) {
		return nil, nil
	}
	if err != nil {
		return nil, errAbandon
	}
	f, err := m.read(at, m.readMusl)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &LoadError{Path: name, NeededBy: by.Path, Err: err}
	}
	return &candidate{name: name, place: at, file: f, by: rule}, nil
}

package ldd

import (
	"errors"
	"io/fs"
)

// errAbandon ends the search in a list of folders: the file exists but cannot be opened.
var errAbandon = errors.New("abandon this search path")

// tryOpen opens a candidate, in the folder of a CPU level or, if level is "", in another one. If it returns
// nil, the search continues. errAbandon ends the current list of folders, and any other error ends the program.
func (g *glibc) tryOpen(name, rule, level string, by *loaded) (*candidate, error) {
	at, err := g.sys.walk(g.absolute(name))
	if err != nil {
		return nil, g.openError(name, err)
	}
	if level != "" && g.excluded[at.real] {
		return nil, errExcluded
	}
	// The file exists. If open(2) fails, it counts as absent. An invalid file is fatal, unless it is for
	// another machine.
	f, err := g.read(at, g.readGlibc)
	if err != nil && isNotFound(err) {
		return nil, g.openError(name, err)
	}
	if err == nil {
		err = f.err
	}
	var other mismatch
	switch {
	case errors.As(err, &other):
		g.searched.annotate(name + " " + string(other))
		return nil, nil
	case level != "" && f.checkLevel(err, level) != nil:
		return nil, g.exclude(at.real, f.checkLevel(err, level))
	case err != nil:
		g.excludeVariantOf(by, err)
		return nil, &LoadError{Path: name, NeededBy: by.Path, Err: err}
	}
	return &candidate{name: name, place: at, file: f, by: rule, level: level}, nil
}

// openError classifies the error of opening a file.
func (g *glibc) openError(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNotDir) && !g.conf.legacy:
		return nil // up to 2.36, a link that leads through a file ends the list
	case errors.Is(err, fs.ErrPermission):
		// EACCES: the loader prints "no such file", which misleads. This note names the cause.
		g.searched.annotate(name + " cannot be read")
		return nil
	}
	g.searched.annotate(name + ": " + err.Error())
	return errAbandon
}

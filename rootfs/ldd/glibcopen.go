package ldd

import (
	"errors"
	"io/fs"
)

// errAbandon ends the search in a list of folders: the file is there and cannot be opened.
var errAbandon = errors.New("abandon this search path")

// tryOpen opens a candidate, in the folder of a CPU level or in none. A nil candidate lets the search go
// on; errAbandon ends the list of folders that it is in; any other error ends the program.
func (g *glibc) tryOpen(name, rule, level string, by *loaded) (*candidate, error) {
	at, err := g.sys.walk(g.absolute(name))
	if err != nil {
		return nil, g.openError(name, err)
	}
	if level != "" && g.excluded[at.real] {
		return nil, errExcluded
	}
	// From here on the file is there. What open(2) forbids counts as absent, what is wrong with an open
	// file is fatal, except that it is for another machine.
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
		g.annotate(name + " " + string(other))
		return nil, nil
	case level != "" && f.checkLevel(err, level) != nil:
		return nil, g.exclude(at.real, f.checkLevel(err, level))
	case err != nil:
		g.excludeVariantOf(by, err)
		return nil, &LoadError{Path: name, NeededBy: by.Path, Err: err}
	}
	return &candidate{name: name, place: at, file: f, by: rule, level: level}, nil
}

// openError sorts the errors of opening a file.
func (g *glibc) openError(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNotDir) && !g.conf.legacy:
		return nil // a link that leads through a file ends the list up to 2.36
	case errors.Is(err, fs.ErrPermission):
		// EACCES: the loader will say "no such file", which misleads; here the reader learns of it.
		g.annotate(name + " cannot be read")
		return nil
	}
	g.annotate(name + ": " + err.Error())
	return errAbandon
}

// note adds evidence to the place that is being searched.
func (g *glibc) annotate(text string) {
	if n := len(g.searched); n > 0 {
		g.searched[n-1] += ", " + text
	}
}

package ldd

import (
	"bytes"
	"errors"
	"fmt"
)

// LoaderConfig returns the file that an image needs so that the loader finds in it what Resolve found in
// the sysroot: ld.so.cache for glibc, the path file for musl. needed is false when the loader's default
// folders lead to the same files; the file does no harm then.
func (c *Closure) LoaderConfig() (name string, content []byte, needed bool) {
	switch c.Flavour {
	case Glibc:
		return c.loader.cache, c.Cache(), c.needsConf
	case Musl:
		return c.loader.cache, c.pathFile, c.needsConf
	}
	return "", nil, false
}

// LoaderConfigOf is [Closure.LoaderConfig] for several programs in one image, which share the file: it
// has what any of them looks up. Static programs do not count. It fails when two programs want different
// files for one name, or files of different loaders.
func LoaderConfigOf(closures ...*Closure) (name string, content []byte, needed bool, err error) {
	var w cacheWriter
	var first *Closure
	for _, c := range closures {
		switch {
		case c.Flavour == Static:
			continue
		case first == nil:
			first = c
			w.order = c.want.order
		case c.loader.cache != first.loader.cache || c.want.order != first.want.order:
			return "", nil, false, fmt.Errorf("making one loader configuration: %q reads %q and %q reads %q\nfix: put the programs into images of their own",
				first.Program().Path, first.loader.cache, c.Program().Path, c.loader.cache)
		}
		needed = needed || c.needsConf
		if c.Flavour == Musl {
			continue
		}
		err = errors.Join(err, w.addLookups(c))
	}
	if err != nil && needed {
		return "", nil, false, fmt.Errorf("making one loader configuration: %w\nfix: put the programs into images of their own, or link them with -Wl,-rpath", err)
	}
	switch {
	case first == nil:
		return "", nil, false, nil
	case first.Flavour == Musl:
		return muslConfigOf(first, closures, needed)
	}
	for _, c := range closures {
		if c.Flavour == Glibc {
			w.addSonames(c)
		}
	}
	return first.loader.cache, w.bytes(), needed, nil
}

// muslConfigOf returns the path file, which is as it was in the sysroot: the same for all.
func muslConfigOf(first *Closure, closures []*Closure, needed bool) (name string, content []byte, _ bool, err error) {
	for _, c := range closures {
		if c.Flavour == Musl && needed && !bytes.Equal(c.pathFile, first.pathFile) {
			return "", nil, false, fmt.Errorf("making one loader configuration: %q and %q have different contents of %q\nfix: put the programs into images of their own",
				first.Program().Path, c.Program().Path, first.loader.cache)
		}
	}
	return first.loader.cache, first.pathFile, needed, nil
}

// conflictError is a name for which an image would need two answers.
type conflictError struct{ name, program, path, other string }

// Error says who wants what.
func (e *conflictError) Error() string {
	return fmt.Sprintf("%q is %q for %q and %q for another program", e.name, e.path, e.program, e.other)
}

// NeedsCache says that some library is found only through ld.so.cache: an image of a glibc program needs
// [Closure.Cache] at [Closure.CachePath].
func (c *Closure) NeedsCache() bool { return c.Flavour == Glibc && c.needsConf }

// CachePath returns where a glibc program's loader looks for its cache, "/etc/ld.so.cache" as a rule.
func (c *Closure) CachePath() string {
	if c.Flavour != Glibc {
		return ""
	}
	return c.loader.cache
}

package ldd

import (
	"bytes"
	"errors"
	"fmt"
)

// LoaderConfig returns the file that an image needs for the loader to find what Resolve found in the sysroot:
// ld.so.cache for glibc, the path file for musl. needed is false if the loader's default folders lead to the
// same files; the file then does no harm.
func (c *Closure) LoaderConfig() (name string, content []byte, needed bool) {
	switch c.Flavour {
	case Glibc:
		return c.loader.cache, c.cacheFile(), c.needsConf
	case Musl:
		return c.loader.cache, c.pathFile, c.needsConf
	}
	return "", nil, false
}

// LoaderConfigOf is [Closure.LoaderConfig] for several programs in one image, which share the file. The file
// contains what any of them looks up. Static programs are ignored. It fails if two programs want different
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
			w.order = c.want.Order
		case c.loader.cache != first.loader.cache || c.want.Order != first.want.Order:
			return "", nil, false, fmt.Errorf("making one loader configuration: %q reads %q and %q reads %q\nfix: put the programs into separate images",
				first.Program().Path, first.loader.cache, c.Program().Path, c.loader.cache)
		}
		needed = needed || c.needsConf
		if c.Flavour == Musl {
			continue
		}
		err = errors.Join(err, w.addLookups(c))
	}
	if err != nil && needed {
		return "", nil, false, fmt.Errorf("making one loader configuration: %w\nfix: put the programs into separate images, or link them with -Wl,-rpath", err)
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

// muslConfigOf returns the path file of the sysroot, which has to be the same for all programs.
func muslConfigOf(first *Closure, closures []*Closure, needed bool) (name string, content []byte, _ bool, err error) {
	for _, c := range closures {
		if c.Flavour == Musl && needed && !bytes.Equal(c.pathFile, first.pathFile) {
			return "", nil, false, fmt.Errorf("making one loader configuration: %q and %q need different contents of %q\nfix: put the programs into separate images",
				first.Program().Path, c.Program().Path, first.loader.cache)
		}
	}
	return first.loader.cache, first.pathFile, needed, nil
}

// conflictError reports a name that two programs resolve to different files.
type conflictError struct{ name, program, path, other string }

// Error names the programs and the files.
func (e *conflictError) Error() string {
	return fmt.Sprintf("%q is %q for %q, but %q for another program", e.name, e.path, e.program, e.other)
}

package ldd

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Compare asks whether two closures load the same content under the same names, byte by byte: one of a
// program where it was built, the other inside of the image. They differ when $ORIGIN, the cache or the
// search path of the environment leads elsewhere in the image, or when a file was copied from another
// place than the one that the loader uses. Variants are compared with those of the same level; both closures
// have to be resolved with them or without.
func Compare(ctx context.Context, source, image *Closure) error {
	var lines []string
	for i, a := range source.Objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		// The program is compared with the program, wherever it stands; all else by the name asked for,
		// since the path may well differ.
		b := image.Objects[0]
		if i > 0 {
			var ok bool
			if b, ok = image.named(a.Name, a.Level); !ok {
				lines = append(lines, fmt.Sprintf("%q (%s) is not loaded in the image%s", a.Name, a.Path, onCPU(a)))
				continue
			}
		}
		same, err := compareObjects(source, a, image, b)
		if err != nil {
			return fmt.Errorf("comparing %q with %q of the image: %w", a.Path, b.Path, err)
		}
		if !same {
			lines = append(lines, fmt.Sprintf("%q is %s, in the image it is another file: %s (%s)", a.Name, a.Path, b.Path, b.By))
		}
	}
	for i, b := range image.Objects {
		if _, ok := source.named(b.Name, b.Level); i > 0 && !ok && !source.fromMissingPreload(b) {
			lines = append(lines, fmt.Sprintf("%q is loaded in the image only: %s (%s)", b.Name, b.Path, b.By))
		}
	}
	return listError(lines, func(s string) string { return s }, "copy the libraries to the same place in the image as on the build machine, or link with a search path that holds in both")
}

// fromMissingPreload says whether an object of an image came with a preloaded library that was not there in the source: one of
// the image's own, for example.
func (c *Closure) fromMissingPreload(o *Object) bool {
	for ; o != nil; o = o.NeededBy {
		if o.preload {
			return slices.ContainsFunc(c.Optional, func(e *NotFoundError) bool { return e.Soname == o.Name })
		}
	}
	return false
}

// onCPU says on which CPUs an object is loaded, when not on all.
func onCPU(o *Object) string {
	if o.Level == "" {
		return ""
	}
	return " on CPUs of " + o.Level
}

// named returns the object that was loaded under a name at a CPU level, "" for the baseline.
func (c *Closure) named(name, level string) (*Object, bool) {
	for _, o := range c.Objects {
		if o.Name == name && o.Level == level {
			return o, true
		}
	}
	return nil, false
}

// compareObjects compares the content of an object with that of the one in its place.
func compareObjects(ca *Closure, a *Object, cb *Closure, b *Object) (same bool, err error) {
	fa, err := ca.Content(a)
	if err != nil {
		return false, err
	}
	fb, err := cb.Content(b)
	if err != nil {
		return false, errors.Join(err, fa.Close())
	}
	same, err = sameContent(fa, fb)
	return same, errors.Join(err, fa.Close(), fb.Close())
}

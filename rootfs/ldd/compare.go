package ldd

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Compare checks that two closures load the same content by the same names, byte by byte: source, of a program
// where it was built, and image, of the same program inside the image. They differ if $ORIGIN, the cache or
// LD_LIBRARY_PATH leads elsewhere in the image, or if a file was copied from another path than the one that the
// loader uses. Variants are compared with those of the same level, so both closures must be resolved with
// variants or both without.
func Compare(ctx context.Context, source, image *Closure) error {
	var lines []string
	for i, a := range source.Objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		// The program is compared with the program, whatever its path. All other objects are compared by the
		// name asked for, because their paths may differ.
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
			lines = append(lines, fmt.Sprintf("%q is loaded only in the image: %s (%s)", b.Name, b.Path, b.By))
		}
	}
	return listError(lines, func(s string) string { return s }, "copy the libraries to the same place in the image as on the build machine, or link with a search path that works in both")
}

// fromMissingPreload reports whether an object of an image belongs to a preloaded library that the source
// lacks, for example one that is only in the image.
func (c *Closure) fromMissingPreload(o *Object) bool {
	for ; o != nil; o = o.NeededBy {
		if o.preload {
			return slices.ContainsFunc(c.Optional, func(e *NotFoundError) bool { return e.Soname == o.Name })
		}
	}
	return false
}

// onCPU says on which CPUs an object is loaded, "" for all.
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

// compareObjects reports whether two objects have the same content.
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

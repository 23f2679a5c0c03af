package libraries

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// fitBase refuses a program whose loader is not in the base. The program would use another C library than all other programs of the base.
func fitBase(p plan.Image, file string, tree *rootfs.Tree) error {
	if p.Base == nil {
		return nil
	}
	loader, err := ldd.Interpreter(file)
	if err != nil || loader == "" {
		return err
	}
	if info, err := tree.Stat(strings.TrimPrefix(loader, "/")); err == nil && info.Mode().IsRegular() {
		return nil
	}
	name, there := p.BaseName, ldd.Loaders(p.Base.FS)
	if len(there) == 0 {
		return misfit(p, loader, plaintext.Sprintf("%s has no C library", name), plaintext.Sprintf(
			"build a static program: Build.Cgo \"off\" (CGO_ENABLED=0), or CC=musl-gcc with Build.LDFlags \"-linkmode external -extldflags -static\"; take a base with %s; or leave Base out: then %s comes from the sysroot",
			libc(loader), loader))
	}
	words := plaintext.Sprintf("%s has %s at %s", name, libc(there[0]), strings.Join(there, ", "))
	musl := slices.IndexFunc(there, ldd.IsMuslLoader)
	if musl < 0 {
		return misfit(p, loader, words, plaintext.Sprintf("build it with %s, with gcc instead of musl-gcc or in a Build.Container with it; or without cgo, Build.Cgo \"off\"; or take a base with %s", libc(there[0]), libc(loader)))
	}
	arch := strings.TrimSuffix(strings.TrimPrefix(path.Base(there[musl]), "ld-musl-"), ".so.1")
	return misfit(p, loader, words, plaintext.Sprintf("build it with musl, by Build.Env CC=musl-gcc or in an alpine Build.Container; or without cgo, Build.Cgo \"off\" (CGO_ENABLED=0); or take a base with glibc. "+
		"At your own risk, a base can have the link %s -> /lib/libc.musl-%s.so.1, as the package gcompat makes it: what musl lacks then fails while the program runs", loader, arch))
}

// misfit returns the error for a program that is for another C library than the base's.
func misfit(p plan.Image, loader, base, fix string) error {
	return &report.ConfigError{Err: plaintext.Errorf("putting %s on the base %s: the program is for %s and asks for the loader %s, but %s\nfix: %s",
		p.Program(), p.BaseName, libc(loader), loader, base, fix)}
}

// libc names the C library of a loader.
func libc(loader string) string {
	if ldd.IsMuslLoader(loader) {
		return "musl"
	}
	return "glibc"
}

// onBase adds a fix to the error of a program that does not start, if the image is put on a base.
func (f *Found) onBase(err error) error {
	p := f.query.Plan
	if p.Base == nil {
		return err
	}
	return &misfitError{err, plaintext.Sprintf("the sysroot is the base %s, and %s for what it lacks: take a newer base than %s, or build in a Build.Container of the base's release",
		p.BaseName, f.Sysroot, p.BaseName)}
}

// misfitError reports that a program does not start with the libraries of its base. Its text has each fix once, with that for the base
// last.
type misfitError struct {
	err error
	fix string
}

// Error says what is wrong, then all fixes in one line.
func (e *misfitError) Error() string {
	var lines, fixes []string
	for _, line := range strings.Split(e.err.Error(), "\n") {
		if fix, ok := strings.CutPrefix(line, "fix: "); !ok {
			lines = append(lines, line)
		} else if !slices.Contains(fixes, fix) {
			fixes = append(fixes, fix)
		}
	}
	return strings.Join(lines, "\n") + "\nfix: " + strings.Join(append(fixes, e.fix), "; ")
}

// Unwrap returns what is wrong.
func (e *misfitError) Unwrap() error { return e.err }

// seeIndex takes the sysroot's index of libraries instead of the base's if a library was not found: the base's index does not have the
// libraries of the sysroot. The image then gets an index of its own. It reports whether there is anything to try again.
func (f *Found) seeIndex(err error) bool {
	var missing *ldd.MissingError
	if f.query.Plan.Base == nil || !errors.As(err, &missing) {
		return false
	}
	real, _, err := ldd.Follow(f.query.Plan.Base.FS, loaderIndex)
	if err != nil {
		return false
	}
	f.source.hide(real)
	return true
}

// loaderIndex is glibc's index of libraries, see ld.so(8).
const loaderIndex = "/etc/ld.so.cache"

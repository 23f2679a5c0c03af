package buildkit

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// fitBase refuses a program whose loader the base has not: its C library would be
// another one than that of all other programs of the base.
func (b *Built) fitBase() error {
	if b.Plan.Base == nil {
		return nil
	}
	loader, err := ldd.Interpreter(b.Binary.Path)
	if err != nil || loader == "" {
		return err
	}
	if info, err := b.base.Stat(strings.TrimPrefix(loader, "/")); err == nil && info.Mode().IsRegular() {
		return nil
	}
	name, there := b.Plan.BaseName, ldd.Loaders(b.Plan.Base.FS)
	if len(there) == 0 {
		return b.misfit(loader, plaintext.Sprintf("%s has no C library", name), plaintext.Sprintf(
			"build a static program: Cgo: \"off\" (CGO_ENABLED=0), or CC=musl-gcc with LDFlags \"-linkmode external -extldflags -static\"; take a base with %s; or leave Base out: then %s comes from the sysroot",
			libc(loader), loader))
	}
	words := plaintext.Sprintf("%s has %s at %s", name, libc(there[0]), strings.Join(there, ", "))
	musl := slices.IndexFunc(there, ldd.IsMuslLoader)
	if musl < 0 {
		return b.misfit(loader, words, plaintext.Sprintf("build it with %s, with gcc instead of musl-gcc or in a Builder with it; or without cgo, Cgo: \"off\"; or take a base with %s", libc(there[0]), libc(loader)))
	}
	arch := strings.TrimSuffix(strings.TrimPrefix(path.Base(there[musl]), "ld-musl-"), ".so.1")
	return b.misfit(loader, words, plaintext.Sprintf("build it with musl, by GoEnv CC=musl-gcc or in an alpine Builder; or without cgo, Cgo: \"off\" (CGO_ENABLED=0); or take a base with glibc. "+
		"At your own risk, a base can have the link %s -> /lib/libc.musl-%s.so.1, as the package gcompat makes it: what musl lacks then fails while the program runs", loader, arch))
}

// misfit is the error for a program that is for another C library than the base's.
func (b *Built) misfit(loader, base, fix string) error {
	return &ConfigError{Err: plaintext.Errorf("putting %s on the base %s: the program is for %s and asks for the loader %s, but %s\nfix: %s",
		b.Plan.Program(), b.Plan.BaseName, libc(loader), loader, base, fix)}
}

// libc names the C library of a loader.
func libc(loader string) string {
	if ldd.IsMuslLoader(loader) {
		return "musl"
	}
	return "glibc"
}

// onBase says of a program that does not start in the image whose libraries those are.
func (b *Built) onBase(err error) error {
	if b.Plan.Base == nil {
		return err
	}
	name := b.Plan.BaseName
	return &misfitError{err, plaintext.Sprintf("the sysroot is the base %s, and %s for what it lacks: take a newer base than %s, or build in a Builder of the base's release",
		name, b.sysroot(), name)}
}

// misfitError is that a program does not start with the libraries of its base. The fixes of
// what is wrong come once, with the one for the base behind them.
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

// noShell says what the image lacks for a program that starts others, "" when it has a
// shell.
func (b *Built) noShell() string {
	switch {
	case b.Plan.Base == nil:
		return "the image has no shell and no other programs"
	case b.executable("/bin/sh") == nil:
		return ""
	}
	return "the base " + b.Plan.BaseName + " has no shell"
}

// seeIndex takes the sysroot's index of libraries instead of the base's, when one of the
// sysroot's libraries was not found: the base's knows nothing of them. The image gets an
// index of its own then.
func (b *Built) seeIndex(err error) bool {
	var missing *ldd.MissingError
	if b.Plan.Base == nil || !errors.As(err, &missing) {
		return false
	}
	real, _, err := ldd.Follow(b.Plan.Base.FS, loaderIndex)
	if err != nil {
		return false
	}
	b.hidden = []string{real}
	return true
}

// packageFolders are where the distributions keep what is known of packages: of the
// libraries that the base lacks, and what belongs to them, the sysroot's knows.
var packageFolders = []string{"/var/lib/dpkg", "/lib/apk/db", "/usr/lib/apk/db", "/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"}

// loaderIndex is glibc's index of libraries, see ld.so(8).
const loaderIndex = "/etc/ld.so.cache"

// Package packagedb gives an image a database of the packages that its files come from, so that scanners of the image see them: for dpkg
// as in distroless images, and for apk. It takes the finished tree and the packages of the sysroot, and adds entries to the tree.
//
// The database has the packages that have a file in the image, and of their files those that are in it. Each value is checked and written
// anew, and nothing is copied from the sysroot's own database: nobody trusts that. There is none for rpm, whose database is a binary
// file of 100 kB at least; bills of materials have its packages too.
package packagedb

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/owners"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/sbom"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/packages"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Image is an image that gets a database.
type Image struct {
	Plan      plan.Image
	Libraries libraries.Set
	Tree      *rootfs.Tree          // everything else that is in the image
	Owners    func() *owners.Owners // the packages of the sysroot
	Sysroot   ldd.FS                // has the sources of its files
}

// Added says what was added to a tree.
type Added struct {
	Notes []string // about what the database lacks
	Reads []string // files of this machine that decide about it
}

// Add adds the database to the tree, unless the plan says otherwise. An image without libraries gets none, and Owners is not called then.
//
// A file of the user or of the base wins over one of the database. Of a base, nothing is hidden or changed.
func Add(ctx context.Context, i Image) (Added, error) {
	if !i.Plan.Supply.Packages || i.Libraries.IsEmpty() {
		return Added{}, nil
	}
	a := adding{plan: i.Plan, tree: i.Tree, owners: i.Owners(), sys: i.Sysroot}
	if err := a.run(ctx); err != nil {
		return Added{}, fmt.Errorf("describing the packages of the image: %w", err)
	}
	return Added{Notes: a.notes, Reads: a.owners.Reads()}, nil
}

// adding is a database in the making.
type adding struct {
	plan   plan.Image
	tree   *rootfs.Tree
	owners *owners.Owners
	sys    ldd.FS
	notes  []string
}

// shipped is a package with its files in the image, sorted by path.
type shipped struct {
	packages.Package
	files []rootfs.Entry
}

// isShipped reports whether an entry is a file of the sysroot.
func isShipped(e rootfs.Entry) bool {
	_, ok := e.Source.Sysroot()
	return ok && e.Mode.IsRegular() && e.Layer == rootfs.System
}

func (a *adding) run(ctx context.Context) error {
	found := len(a.ofKind(packages.Deb))+len(a.ofKind(packages.APK)) > 0
	if all, err := a.owners.Unread(); err != nil && (all || found) {
		a.note("scanners of the image do not see all packages: %v\nfix: repair the sysroot's database of packages, name another Sysroot, or set Packages to \"none\"", err)
	}
	if !found || !a.fitsBase() {
		return nil
	}
	a.addDistro()
	if err := a.addDeb(ctx, a.ofKind(packages.Deb)); err != nil {
		return err
	}
	return a.addAPK(ctx, a.ofKind(packages.APK))
}

// ofKind returns the packages of one kind that files of the tree come from, sorted by name.
func (a *adding) ofKind(kind string) []shipped {
	var list []shipped
	known := map[packages.Package]int{}
	for _, e := range a.tree.Entries() {
		name, ok := e.Source.Sysroot()
		if !ok || !isShipped(e) {
			continue
		}
		p, ok := a.owners.InSysroot(name)
		if !ok || p.Kind != kind {
			continue
		}
		i, ok := known[p]
		if !ok {
			i, known[p] = len(list), len(list)
			list = append(list, shipped{Package: p})
		}
		list[i].files = append(list[i].files, e)
	}
	slices.SortFunc(list, func(a, b shipped) int {
		return strings.Compare(a.Name+"\n"+a.Architecture+"\n"+a.Version, b.Name+"\n"+b.Architecture+"\n"+b.Version)
	})
	return list
}

// fitsBase reports whether the packages are of the distribution that the image says it is: scanners compare versions within one
// distribution.
func (a *adding) fitsBase() bool {
	if a.plan.Files.Base == nil {
		return true
	}
	base, own := owners.DistroOf(a.plan.Files.Base), a.owners.Distro()
	if base == (sbom.Distro{}) || base == own {
		return true
	}
	a.note("the libraries that the base lacks come from %s %s, and the base %s is %s %s: scanners of the image do not see their packages, the bills of materials have them\nfix: build on the distribution of the base, in a Build.Container for instance, or set Packages to \"none\"",
		own.ID, own.Version, a.plan.Files.BaseName, base.ID, base.Version)
	return false
}

// note adds a warning.
func (a *adding) note(format string, args ...any) {
	a.notes = append(a.notes, plaintext.Sprintf("warning: "+format, args...))
}

// at returns what the tree or its base has at a path, with links followed.
func (a *adding) at(name string) (rootfs.Entry, bool) {
	real, _, err := ldd.Follow(a.tree, name)
	if err != nil {
		return rootfs.Entry{}, false
	}
	return a.tree.Lookup(real)
}

// ofUser reports whether the user has put a file at a path.
func (a *adding) ofUser(name string) bool {
	e, ok := a.at(name)
	return ok && e.Layer == rootfs.Files
}

// Reason says why files of the database are in the image.
const Reason = "says which packages files are from, for scanners"

// add adds a file with a content. It belongs to the first file of a package.
func (a *adding) add(name, content string, p shipped) {
	a.put(rootfs.Entry{Path: name, Mode: 0o644, Reason: Reason, For: p.files[0].Path, Source: rootfs.Bytes([]byte(content))})
}

// put adds an entry. That something else is in its way is a warning: the program does not need it.
func (a *adding) put(e rootfs.Entry) {
	if err := a.tree.Add(e); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		a.note("scanners of the image do not see all packages: %s\nfix: leave the other file out, or set Packages to \"none\"", first)
	}
}

// The form of values. dpkg's names and versions are a part of these (https://www.debian.org/doc/debian-policy/ch-controlfields.html), and
// so are apk's.
var (
	nameRule    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+._-]{0,199}$`)
	versionRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+.:~_-]{0,199}$`)
)

// maxWords limits a value that is a text, in bytes.
const maxWords = 500

// isSafe reports whether the values of a package have the form that they must have. Another value could end a line, and begin an entry.
func isSafe(p packages.Package) bool {
	return nameRule.MatchString(p.Name) && versionRule.MatchString(p.Version) && nameRule.MatchString(p.Architecture) &&
		(p.Source == "" || nameRule.MatchString(p.Source)) && (p.SourceVersion == "" || versionRule.MatchString(p.SourceVersion)) &&
		!strings.HasSuffix(p.Name, sumsSuffix)
}

// words returns a text, or "" for one that is too long or has other characters than visible ones and spaces.
func words(text string) string {
	if len(text) > maxWords || !isVisible(text) {
		return ""
	}
	return text
}

func isVisible(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// safe returns the packages and files that can be written, and notes the others.
func (a *adding) safe(list []shipped) []shipped {
	var kept []shipped
	for _, p := range list {
		p.files = slices.DeleteFunc(p.files, func(e rootfs.Entry) bool {
			if isVisible(e.Path) {
				return false
			}
			a.note("scanners of the image do not see that %s is of a package, because of its name\nfix: rename it, or set Packages to \"none\"", e.Path)
			return true
		})
		switch {
		case !isSafe(p.Package):
			a.note("scanners of the image do not see the package %s: its name, version or source has characters that it cannot have\nfix: repair the sysroot's database of packages, or set Packages to \"none\"", p.String())
		case len(p.files) > 0:
			kept = append(kept, p)
		}
	}
	return kept
}

// sums returns checksums of all files of packages, by path.
func sums(ctx context.Context, list []shipped, of func() hash.Hash) (map[string][]byte, error) {
	var files []rootfs.Entry
	for _, p := range list {
		files = append(files, p.files...)
	}
	all := make([][]byte, len(files))
	err := fsx.Each(ctx, len(files), runtime.GOMAXPROCS(0), func(ctx context.Context, i int) (err error) {
		all[i], err = sum(ctx, files[i], of())
		return err
	})
	byPath := map[string][]byte{}
	for i, e := range files {
		byPath[e.Path] = all[i]
	}
	return byPath, err
}

func sum(ctx context.Context, e rootfs.Entry, h hash.Hash) (sum []byte, err error) {
	content, err := e.Source.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	if _, err := io.Copy(h, fsx.Reader(ctx, content)); err != nil {
		return nil, fmt.Errorf("reading %q: %w", e.Path, err)
	}
	return h.Sum(nil), nil
}

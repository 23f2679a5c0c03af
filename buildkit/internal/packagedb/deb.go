package packagedb

import (
	"context"
	"crypto/md5"
	"fmt"
	"path"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/packages"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// StatusFolder is the folder of dpkg's packages in an image that has no dpkg,
// https://github.com/GoogleContainerTools/distroless/blob/main/PACKAGE_METADATA.md. A package has a file there, and another with the
// checksums of its files, whose name ends with ".md5sums".
const StatusFolder = "/var/lib/dpkg/status.d"

const (
	sumsSuffix = ".md5sums"
	status     = "/var/lib/dpkg/status" // dpkg's own file
)

// addDeb adds the packages of dpkg.
func (a *adding) addDeb(ctx context.Context, list []shipped) error {
	if a.ofUser(status) {
		return nil // a database of the user's own
	}
	list = a.withoutBase(a.safe(list))
	all, err := sums(ctx, list, md5.New)
	if err != nil {
		return err
	}
	for _, p := range list {
		name := a.free(p.Package)
		if name == "" {
			continue
		}
		var lines strings.Builder
		for _, e := range p.files {
			fmt.Fprintf(&lines, "%x  %s\n", all[e.Path], strings.TrimPrefix(e.Path, "/"))
		}
		a.add(name, control(p.Package), p)
		a.add(name+sumsSuffix, lines.String(), p)
	}
	return nil
}

// withoutBase leaves out the packages that the base has in the same version: scanners would see them twice.
func (a *adding) withoutBase(list []shipped) []shipped {
	if a.plan.Files.Base == nil {
		return list
	}
	db, err := packages.Open(a.plan.Files.Base)
	if err != nil {
		a.notes = append(a.notes, plaintext.Sprintf("warning: the packages of the base %s are not known, and may be listed twice: %v\nfix: take another base, or set Packages to \"none\"", a.plan.Files.BaseName, err))
		return list
	}
	type key struct{ name, version, arch string }
	has := map[key]bool{}
	for _, p := range db.All() {
		has[key{p.Name, p.Version, p.Architecture}] = true
	}
	var kept []shipped
	for _, p := range list {
		if !has[key{p.Name, p.Version, p.Architecture}] {
			kept = append(kept, p)
		}
	}
	return kept
}

// free returns the path for a package: its name, or its name and architecture, as in dpkg's own files, if the base or another architecture
// has that name. It is "" if the user has a file there.
func (a *adding) free(p packages.Package) string {
	for _, name := range []string{p.Name, p.Name + ":" + p.Architecture} {
		name = path.Join(StatusFolder, name)
		if a.ofUser(name) || a.ofUser(name+sumsSuffix) {
			return ""
		}
		_, taken := a.at(name)
		if _, sums := a.at(name + sumsSuffix); !taken && !sums {
			return name
		}
	}
	a.note("scanners of the image do not see the package %s: there is another one of that name\nfix: take another base, or set Packages to \"none\"", p.String())
	return ""
}

// control returns the fields of a package that scanners read, in dpkg's order: by Source (its version too) and Version they look for
// vulnerabilities, Architecture is a part of package URLs, and by the Maintainer they tell packages of the distribution from those of
// others. All other fields would only make the image larger. There is no Status, as in distroless images: dpkg has installed nothing.
func control(p packages.Package) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Package: %s\n", p.Name)
	// dpkg leaves out what equals the package, see deb-src-control(5).
	switch {
	case p.SourceVersion != p.Version && p.SourceVersion != "" && p.Source != "":
		fmt.Fprintf(&b, "Source: %s (%s)\n", p.Source, p.SourceVersion)
	case p.Source != p.Name && p.Source != "":
		fmt.Fprintf(&b, "Source: %s\n", p.Source)
	}
	fmt.Fprintf(&b, "Version: %s\nArchitecture: %s\n", p.Version, p.Architecture)
	if by := words(p.Maintainer); by != "" {
		fmt.Fprintf(&b, "Maintainer: %s\n", by)
	}
	return b.String()
}

// Listed returns the name of a package and the files that it has in the image, if an entry is one with checksums that [Add] has made.
func Listed(e rootfs.Entry) (name string, files []string, ok bool) {
	content, made := e.Source.Content()
	name, ok = strings.CutSuffix(e.Path, sumsSuffix)
	if !made || !ok || path.Dir(e.Path) != StatusFolder {
		return "", nil, false
	}
	for _, line := range strings.Split(content, "\n") {
		if _, file, ok := strings.Cut(line, "  "); ok {
			files = append(files, file)
		}
	}
	return path.Base(name), files, true
}

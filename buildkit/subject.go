package buildkit

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/sbom"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// subject collects what the bills of materials say. All of it comes from the tree, the
// program and the databases of packages, and nothing from how the closure was found:
// that of an earlier build, which was recalled, has the same bill.
func (b *Built) subject(ctx context.Context, manifest digest.Digest) (sbom.Subject, error) {
	s := sbom.Subject{
		Name: b.Plan.Name, Reference: b.Plan.Reference, Platform: b.Plan.Platform.String(),
		Manifest: manifest.String(), Config: b.Image.ConfigDigest.String(), Created: b.Plan.Epoch, Tool: ownVersion(),
	}
	owners := b.owners()
	names := b.loadable()
	packages := map[sbom.Distro]map[string]*sbom.Package{}
	for _, e := range b.Tree.Entries() {
		if !e.Mode.IsRegular() {
			continue
		}
		file, err := b.describeFile(ctx, e, names)
		if err != nil {
			return s, fmt.Errorf("reading %q (%s): %w", e.Path, e.Reason, err)
		}
		if e.Layer == rootfs.Program {
			s.Program = sbom.Program{File: file, Info: b.buildInfo()}
			continue
		}
		p, ok := owners.of(e)
		if !ok {
			s.Files = append(s.Files, file)
			continue
		}
		if packages[p.Distro] == nil {
			packages[p.Distro] = map[string]*sbom.Package{}
		}
		key := strings.Join([]string{p.Kind, p.Name, p.Version, p.Arch}, " ")
		if packages[p.Distro][key] == nil {
			p.Copyright = owners.copyright(p)
			packages[p.Distro][key] = &p
		}
		packages[p.Distro][key].Files = append(packages[p.Distro][key].Files, file)
	}
	for _, distro := range packages {
		for _, p := range distro {
			s.Packages = append(s.Packages, *p) // the documents are sorted
		}
	}
	s.Base = b.baseSubject()
	owners.tell(b)
	return s, nil
}

// baseSubject is the base of the image, with the packages that are installed in it; nil
// without one.
func (b *Built) baseSubject() *sbom.Base {
	base := b.Plan.Base
	if base == nil {
		return nil
	}
	in := b.openInstalled(base.FS)
	s := &sbom.Base{Name: b.Plan.BaseName, Reference: b.Plan.BaseReference(), Digest: base.Digest.String()}
	if in.db == nil {
		return s
	}
	o := &owners{sysroot: in, near: in, host: in}
	for _, p := range in.db.All() {
		described := in.describe(p)
		described.Copyright = o.copyright(described)
		s.Packages = append(s.Packages, described)
	}
	if err := in.db.Err(); err != nil {
		b.warnDatabases(err)
	}
	return s
}

// buildInfo is what the go command has written into the program, nil for one of another
// language.
func (b *Built) buildInfo() *debug.BuildInfo {
	if b.linked != nil && b.linked.Build() != nil {
		return b.linked.Build()
	}
	return b.Binary.Info
}

// describeFile reads a file.
func (b *Built) describeFile(ctx context.Context, e rootfs.Entry, names map[string][]string) (f sbom.File, err error) {
	content, err := e.Source.Open()
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	one, two := sha1.New(), sha256.New()
	if _, err := io.Copy(io.MultiWriter(one, two), fsx.Reader(ctx, content)); err != nil {
		return f, err
	}
	f = sbom.File{Path: e.Path, SHA1: fmt.Sprintf("%x", one.Sum(nil)), SHA256: fmt.Sprintf("%x", two.Sum(nil)), Reason: e.Reason}
	if at, ok := content.(io.ReaderAt); ok {
		f.Links = links(at, e, names)
	}
	return f, nil
}

// links are the files of the image that the loader maps with this one. Which of several
// with one name is meant depends on who loads them; a neighbour is more likely than
// others, and a variant for newer CPUs never comes first. An ELF file that a loader
// would refuse has none.
func links(at io.ReaderAt, e rootfs.Entry, names map[string][]string) []string {
	needed, err := ldd.Needed(at, e.Size)
	if err != nil {
		return nil
	}
	var paths []string
	for _, name := range needed {
		found := names[path.Base(name)]
		if i := slices.IndexFunc(found, func(p string) bool { return path.Dir(p) == path.Dir(e.Path) }); i > 0 {
			found = found[i:]
		}
		if len(found) > 0 && found[0] != e.Path {
			paths = append(paths, found[0])
		}
	}
	return paths
}

// loadable leads from the names of files and links of the image to the files, variants
// last.
func (b *Built) loadable() map[string][]string {
	names := map[string][]string{}
	for _, e := range b.Tree.Entries() {
		real := e.Path
		if e.Mode.Type() == fs.ModeSymlink {
			var err error
			if real, _, err = ldd.Follow(b.Tree, e.Path); err != nil {
				continue // it leads to what may be mounted
			}
		}
		if f, ok := b.Tree.Lookup(real); ok && f.Mode.IsRegular() && !slices.Contains(names[path.Base(e.Path)], real) {
			names[path.Base(e.Path)] = append(names[path.Base(e.Path)], real)
		}
	}
	for _, list := range names {
		slices.SortStableFunc(list, func(a, b string) int { return strings.Count(a, "glibc-hwcaps") - strings.Count(b, "glibc-hwcaps") })
	}
	return names
}

// goZones are the zones of the Go toolchain as a package; ok is false where it has none.
func (b *Built) goZones() (p sbom.Package, ok bool) {
	dir := filepath.Join(b.Plan.Files.GOROOT, "lib", "time")
	if _, err := os.Stat(filepath.Join(dir, "zoneinfo.zip")); b.Plan.Files.GOROOT == "" || err != nil {
		return p, false
	}
	p = sbom.Package{Name: "tzdata", Licence: tzLicence}
	// The script that has made the archive names the version; without it that is unknown.
	if script, err := os.ReadFile(filepath.Join(dir, "update.bash")); err == nil {
		if m := zoneVersion.FindSubmatch(script); m != nil {
			p.Version = string(m[1])
		}
	}
	return p, true
}

// tzLicence is what the file LICENSE of tz says: "all files in the tz code and data are
// in the public domain" (https://data.iana.org/time-zones/tzdb/LICENSE).
const tzLicence = "public domain"

var zoneVersion = regexp.MustCompile(`(?m)^DATA=([0-9]{4}[a-z]+)$`)

package describe

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/owners"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/sbom"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// billOf collects what the bills of materials say, and warnings about databases of packages that could not be read. All of it comes
// from the tree, the program and these databases, and nothing from how the libraries were found: recalled libraries have the same
// bill.
func billOf(ctx context.Context, r result.Result, manifest digest.Digest) (s sbom.Subject, warnings []string, err error) {
	s = sbom.Subject{
		Name: r.Plan.Name, Reference: r.Plan.Reference, Platform: r.Plan.Platform.String(),
		Manifest: manifest.String(), Config: r.Image.ConfigDigest.String(), Created: r.Plan.Config.Created, Tool: ownVersion(),
	}
	from := r.Owners()
	names := loadable(r.Tree)
	known := map[[6]string]int{} // indexes of packages
	for _, e := range r.Tree.Entries() {
		if !e.Mode.IsRegular() {
			continue
		}
		file, err := describeFile(ctx, e, names)
		if err != nil {
			return s, nil, fmt.Errorf("reading %q (%s): %w", e.Path, e.Reason, err)
		}
		if e.Layer == rootfs.Program {
			s.Program = sbom.Program{File: file, Info: r.Program.BuildInfo()}
			continue
		}
		p, ok := from.Of(e)
		if !ok {
			s.Files = append(s.Files, file)
			continue
		}
		key := [6]string{p.Distro.ID, p.Distro.Version, p.Kind, p.Name, p.Version, p.Arch}
		i, ok := known[key]
		if !ok {
			i, known[key] = len(s.Packages), len(s.Packages)
			p.Copyright = from.Copyright(p)
			s.Packages = append(s.Packages, p)
		}
		s.Packages[i].Files = append(s.Packages[i].Files, file)
	}
	s.Base, warnings = baseOf(r)
	return s, append(from.Warnings(), warnings...), nil
}

// baseOf returns the base of the image with the packages that are installed in it; nil if it has no base.
func baseOf(r result.Result) (*sbom.Base, []string) {
	base := r.Plan.Base
	if base == nil {
		return nil, nil
	}
	installed, warnings := owners.Installed(base.FS)
	return &sbom.Base{Name: r.Plan.BaseName, Reference: r.Plan.BaseReference(), Digest: base.Digest.String(), Packages: installed}, warnings
}

// describeFile reads a file. names has the result of [loadable].
func describeFile(ctx context.Context, e rootfs.Entry, names map[string][]string) (f sbom.File, err error) {
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

// links returns the files of the image that the loader maps with this one. Which of several files of one name the loader takes depends
// on who loads them: a neighbour is more likely than others, and a variant for newer CPUs never comes first. An ELF file that a loader
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

// loadable returns the files that the names of files and links in a tree lead to, variants last.
func loadable(tree *rootfs.Tree) map[string][]string {
	names := map[string][]string{}
	for _, e := range tree.Entries() {
		real := e.Path
		if e.Mode.Type() == fs.ModeSymlink {
			var err error
			if real, _, err = ldd.Follow(tree, e.Path); err != nil {
				continue // it leads to what may be mounted
			}
		}
		if f, ok := tree.Lookup(real); ok && f.Mode.IsRegular() && !slices.Contains(names[path.Base(e.Path)], real) {
			names[path.Base(e.Path)] = append(names[path.Base(e.Path)], real)
		}
	}
	for _, list := range names {
		slices.SortStableFunc(list, func(a, b string) int { return strings.Count(a, "glibc-hwcaps") - strings.Count(b, "glibc-hwcaps") })
	}
	return names
}

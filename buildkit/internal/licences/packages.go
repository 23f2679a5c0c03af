package licences

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/owners"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/packages"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// commonLicence matches the names of licences that many packages have. Debian's copyright files refer to them, and every Debian has
// them once (https://www.debian.org/doc/debian-policy/ch-docs.html#copyright-information).
var commonLicence = regexp.MustCompile(`/usr/share/common-licenses/[A-Za-z0-9][A-Za-z0-9.+-]*[A-Za-z0-9+]`)

// AddOfPackages adds the licences of the packages that files of a tree come from to the tree. sys has the sources of their entries. held is
// the size of the texts that the image has already: it counts towards the limit.
func AddOfPackages(ctx context.Context, of *owners.Owners, tree *rootfs.Tree, sys ldd.FS, held int64) (Texts, error) {
	l := packageTexts{owners: of, sys: sys, seen: map[string]bool{}, missing: map[string]string{}}
	l.Size = held
	done := map[packages.Package]bool{}
	for _, e := range tree.Entries() {
		name, ok := e.Source.Sysroot()
		if !ok || !e.Mode.IsRegular() {
			continue
		}
		p, ok := l.owners.InSysroot(name)
		if !ok || done[p] {
			continue
		}
		done[p] = true
		if err := context.Cause(ctx); err != nil {
			return Texts{}, err
		}
		if err := l.addPackage(p, e.Path); err != nil {
			return Texts{}, fmt.Errorf("adding the licence of %s: %w", p, err)
		}
	}
	if len(l.without) > 0 {
		l.Notes = append(l.Notes, plaintext.Sprintf("warning: no text of a licence is there of %s\nfix: install the packages with their documentation, or add the texts by Files", strings.Join(l.without, ", ")))
	}
	for _, name := range slices.Sorted(maps.Keys(l.missing)) {
		l.Notes = append(l.Notes, plaintext.Sprintf("warning: %s is missing, which is named in %s\nfix: install the package base-files, or add the text by Files", name, l.missing[name]))
	}
	l.Notes, l.Reads = append(l.Notes, l.owners.Warnings()...), l.owners.Reads()
	for _, e := range l.Entries {
		if err := tree.Add(e); err != nil {
			return Texts{}, err
		}
	}
	return l.Texts, nil
}

// packageTexts collects the licences of packages.
type packageTexts struct {
	Texts
	owners  *owners.Owners
	sys     ldd.FS
	seen    map[string]bool   // paths that were added
	without []string          // packages
	missing map[string]string // paths of common licences, and of the text that names each
}

// addPackage adds the texts of a package that a file of the image comes from.
func (l *packageTexts) addPackage(p packages.Package, file string) error {
	var files []string
	switch p.Kind {
	case packages.Deb:
		files = []string{path.Join(plan.DocFolder, p.Name, "copyright")}
	case packages.RPM:
		files = slices.DeleteFunc(l.owners.Files(p), func(f string) bool { return !strings.HasPrefix(f, "/usr/share/licenses/") })
	}
	added := false
	for _, name := range files {
		text, ok, err := l.addText(name, "licence of "+p.String(), file)
		if err != nil {
			return err
		}
		added = added || ok
		if p.Kind != packages.Deb {
			continue
		}
		for _, common := range commonLicence.FindAllString(text, -1) {
			if _, ok, err := l.addText(common, "named in "+name, name); err != nil {
				return err
			} else if !ok {
				l.missing[common] = name
			}
		}
	}
	if !added {
		l.without = append(l.without, p.String())
	}
	return nil
}

// addText adds a file of the sysroot under the name given, even if that is a link: the target may be in the folder of a package that
// the image has nothing of. ok is false if the file is missing, or not everybody may read it.
func (l *packageTexts) addText(name, reason, of string) (text string, ok bool, err error) {
	content, real, err := l.owners.Text(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", false, nil
	}
	if err != nil || l.seen[name] {
		return string(content), true, err
	}
	l.seen[name] = true
	source := rootfs.Bytes(content)
	if real != "" {
		source = rootfs.SysrootFile(l.sys, real)
	}
	e := rootfs.Entry{Path: name, Mode: 0o644, Reason: reason, For: of, Source: source}
	return string(content), true, l.add(e, content)
}

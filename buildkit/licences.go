package buildkit

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/packages"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// commonLicence is how Debian's copyright files name a licence that many packages have,
// and that is on every Debian once
// (https://www.debian.org/doc/debian-policy/ch-docs.html#copyright-information).
var commonLicence = regexp.MustCompile(`/usr/share/common-licenses/[A-Za-z0-9][A-Za-z0-9.+-]*[A-Za-z0-9+]`)

// databases are the files by which another state of the packages of a root file system
// is seen.
var databases = []string{
	"var/lib/dpkg/status", "lib/apk/db/installed", "var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite",
}

// packageLicences are the licences of the packages that files of the image come from.
func (b *Built) packageLicences() ([]rootfs.Entry, error) {
	o := b.owners()
	l := packageTexts{b: b, owners: o, seen: map[string]bool{}, missing: map[string]string{}}
	for _, name := range databases {
		o.read(b, name)
	}
	done := map[packages.Package]bool{}
	for _, e := range b.Tree.Entries() {
		name, ok := e.Source.Sysroot()
		if !ok || !e.Mode.IsRegular() {
			continue
		}
		p, ok := o.sysroot.owner(o.prefix + "/" + name)
		if !ok || done[p] {
			continue
		}
		done[p] = true
		if err := l.add(p, e.Path); err != nil {
			return nil, fmt.Errorf("adding the licence of %s: %w", p, err)
		}
	}
	if len(l.without) > 0 {
		l.warn(plaintext.Sprintf("no text of a licence is there of %s\nfix: install the packages with their documentation, or add the texts by Files", strings.Join(l.without, ", ")))
	}
	for _, name := range slices.Sorted(maps.Keys(l.missing)) {
		l.warn(plaintext.Sprintf("%s is missing, which is named in %s\nfix: install the package base-files, or add the text by Files", name, l.missing[name]))
	}
	o.tell(b)
	return l.entries, nil
}

// packageTexts are the licences of packages in the making.
type packageTexts struct {
	b       *Built
	owners  *owners
	entries []rootfs.Entry
	seen    map[string]bool   // paths that were added
	without []string          // packages
	missing map[string]string // licences, by who names them
}

// warn tells a person, in this build and in those that take its libraries over.
func (l *packageTexts) warn(text string) {
	l.b.note("licences", "warning: "+text)
	l.b.system.Notes = append(l.b.system.Notes, "warning: "+text)
}

// add adds the texts of a package, a file of which is in the image.
func (l *packageTexts) add(p packages.Package, file string) error {
	var files []string
	switch p.Kind {
	case packages.Deb:
		files = []string{path.Join(plan.DocFolder, p.Name, "copyright")}
	case packages.RPM:
		files = slices.DeleteFunc(l.owners.sysroot.db.Files(p), func(f string) bool { return !strings.HasPrefix(f, "/usr/share/licenses/") })
	}
	added := false
	for _, name := range files {
		text, ok, err := l.take(name, "licence of "+p.String(), file)
		if err != nil {
			return err
		}
		added = added || ok
		if p.Kind != packages.Deb {
			continue
		}
		for _, common := range commonLicence.FindAllString(text, -1) {
			if _, ok, err := l.take(common, "named in "+name, name); err != nil {
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

// take adds a file of the sysroot under the name that it is known by: what a link leads
// to may be in the folder of a package that the image has nothing of. ok is false when
// it is not there.
func (l *packageTexts) take(name, reason, of string) (text string, ok bool, err error) {
	l.owners.read(l.b, name)
	content, err := readIn(l.owners.sysroot.sys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil || l.seen[name] {
		return string(content), true, err
	}
	l.seen[name] = true
	if err := l.b.holdText(content); err != nil {
		return "", false, err
	}
	source := rootfs.Bytes(content) // of the machine, for the folder of a cross compiler
	if l.owners.prefix == "" {
		real, _, err := ldd.Follow(l.owners.sysroot.sys, name)
		if err != nil {
			return "", false, err
		}
		source = rootfs.SysrootFile(l.b.sys(), real)
	}
	l.entries = append(l.entries, rootfs.Entry{Path: name, Mode: 0o644, Reason: reason, For: of, Source: source})
	return string(content), true, nil
}

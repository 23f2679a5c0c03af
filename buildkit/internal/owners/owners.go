// Package owners tells which package of a distribution, or of the Go toolchain, a file of an image comes from. It takes the plan and
// the sysroot, and reads the databases of packages there, in the builder and on this machine. It returns packages as bills of
// materials describe them, texts, the paths that it has read, and warnings.
package owners

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/sbom"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/packages"
)

// MaxText limits the size of a text that is read, in bytes.
const MaxText = 16 << 20

// Owners knows the packages of the places that the files of an image come from.
type Owners struct {
	sysroot *installed
	prefix  string       // of the sysroot's paths in the database
	root    string       // the folder of the database's machine that the database is about
	near    *installed   // of the machine that compiles: the builder, or this one
	fetched string       // folder of this machine with the builder's files; "" without a builder
	host    *installed   // of this machine
	zones   sbom.Package // time zones of the Go toolchain
	hasZone bool
	reads   []string
}

// databases are the files and folders that change with the packages of a root file system.
var databases = []string{
	"var/lib/dpkg/status", "var/lib/dpkg/status.d", "lib/apk/db/installed", "usr/lib/apk/db/installed",
	"var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite",
}

// Open opens the databases of the sysroot, a folder of the machine that compiles, and of the machines that files come from. A
// sysroot without a database is the folder of a cross compiler: its files belong to packages of the machine that has the folder.
// known has the packages of the sysroot if somebody has read them, or is nil.
func Open(p plan.Image, sysroot string, known *packages.DB) *Owners {
	isRoot := filepath.Clean(sysroot) == "/"
	var ofRoot *packages.DB
	if isRoot {
		ofRoot = known
	}
	o := &Owners{near: open(p.Machine("/"), ofRoot)}
	o.host = o.near
	if p.Builder != nil {
		o.host, o.fetched = open(ldd.DirFS("/"), nil), filepath.ToSlash(p.Builder.Below("/").Files())
	}
	if o.sysroot, o.root = o.near, "/"; !isRoot {
		if o.sysroot, o.root = open(p.Machine(sysroot), known), sysroot; o.sysroot.empty() {
			o.sysroot, o.root, o.prefix = o.near, "/", filepath.ToSlash(sysroot)
		}
	}
	o.zones, o.hasZone = zonesOf(p.Files.GOROOT)
	for _, name := range databases {
		o.read(name)
	}
	return o
}

// read adds a file below the root to the reads, unless it is in the builder.
func (o *Owners) read(name string) {
	if o.fetched == "" {
		o.reads = append(o.reads, filepath.Join(o.root, filepath.FromSlash(name)))
	}
}

// Reads returns the files of this machine that decide about the packages and texts of the sysroot. A builder has none: the ID of its
// image identifies all of its files.
func (o *Owners) Reads() []string { return o.reads }

// all returns the databases, each once.
func (o *Owners) all() []*installed {
	list := []*installed{o.sysroot}
	for _, in := range []*installed{o.near, o.host} {
		if !slices.Contains(list, in) {
			list = append(list, in)
		}
	}
	return list
}

// Of returns the package of an entry. ok is false for generated files, for files of the user and for files of no package.
func (o *Owners) Of(e rootfs.Entry) (p sbom.Package, ok bool) {
	if e.Layer != rootfs.System {
		return p, false
	}
	in, name := o.host, ""
	if inSysroot, ok := e.Source.Sysroot(); ok {
		in, name = o.sysroot, o.prefix+"/"+inSysroot
	} else if host, ok := e.Source.Host(); ok {
		name = filepath.ToSlash(host)
		if inBuilder, ok := strings.CutPrefix(name, o.fetched+"/"); ok && o.fetched != "" {
			in, name = o.near, "/"+inBuilder
		}
	} else if strings.HasPrefix(e.Path, rootfs.ZoneFolder+"/") {
		if o.hasZone {
			return o.zones, true
		}
		name = e.Path
	}
	if name == "" {
		return p, false
	}
	owner, ok := in.owner(name)
	if !ok {
		return p, false
	}
	return in.describe(owner), true
}

// InSysroot returns the package of a file of the sysroot, by its path there without the leading slash.
func (o *Owners) InSysroot(name string) (packages.Package, bool) {
	return o.sysroot.owner(o.prefix + "/" + name)
}

// Distro returns the distribution of the packages of [Owners.InSysroot].
func (o *Owners) Distro() sbom.Distro { return o.sysroot.distro }

// Unread returns what could not be read so far of the sysroot's databases, nil for nothing. If all is set, none of its packages is known.
func (o *Owners) Unread() (all bool, err error) {
	if o.sysroot.db == nil {
		return true, o.sysroot.err
	}
	return false, o.sysroot.db.Err()
}

// Files returns the paths of the files of a package of [Owners.InSysroot].
func (o *Owners) Files(p packages.Package) []string { return o.sysroot.db.Files(p) }

// Text returns the content of a file of the machine that [Owners.InSysroot] knows the packages of, and its path in the sysroot without
// links. The path is "" if that machine is not the sysroot. It fails for a missing file, for one that not everybody may read, and for one of more
// than [MaxText] bytes.
func (o *Owners) Text(name string) (content []byte, real string, err error) {
	o.read(name)
	content, real, err = readText(o.sysroot.sys, name)
	if o.prefix != "" {
		real = ""
	}
	return content, real, err
}

// Copyright returns the text of a Debian package's copyright file, "" if there is none.
func (o *Owners) Copyright(p sbom.Package) string {
	for _, in := range o.all() {
		if text := in.copyright(p); text != "" {
			return text
		}
	}
	return ""
}

// Warnings says which databases could not be read: a bill of materials that lacks something has to say so. They do not fail a build.
func (o *Owners) Warnings() []string {
	var all []string
	for _, in := range o.all() {
		all = append(all, in.warnings()...)
	}
	return all
}

// Installed returns all packages of a root file system with their copyright texts, and warnings like those of [Owners.Warnings].
func Installed(sys ldd.FS) (list []sbom.Package, warnings []string) {
	in := open(sys, nil)
	if in.db != nil {
		for _, p := range in.db.All() {
			described := in.describe(p)
			described.Copyright = in.copyright(described)
			list = append(list, described)
		}
	}
	return list, in.warnings()
}

// installed has the packages of a root file system.
type installed struct {
	sys    ldd.FS
	db     *packages.DB // nil if it cannot be opened
	err    error        // why
	distro sbom.Distro
}

// open opens the database of a root file system, unless it is known.
func open(sys ldd.FS, known *packages.DB) *installed {
	in := &installed{sys: sys, distro: DistroOf(sys), db: known}
	if known != nil {
		return in
	}
	if in.db, in.err = packages.Open(sys); in.err != nil {
		in.db = nil
	}
	return in
}

// owner returns the package that has a file.
func (in *installed) owner(name string) (packages.Package, bool) {
	if in.db == nil {
		return packages.Package{}, false
	}
	return in.db.Owner(name)
}

// empty reports whether the file system has neither packages nor the name of a distribution.
func (in *installed) empty() bool {
	return in.db != nil && len(in.db.All()) == 0 && in.distro == sbom.Distro{}
}

// describe returns a package as bills of materials describe it.
func (in *installed) describe(p packages.Package) sbom.Package {
	return sbom.Package{
		Kind: p.Kind, Name: p.Name, Version: p.Version, Arch: p.Architecture, Distro: in.distro,
		Source: p.Source, SourceVersion: p.SourceVersion, Licence: p.Licence,
	}
}

func (in *installed) copyright(p sbom.Package) string {
	if p.Kind != packages.Deb || in.db == nil || in.distro != p.Distro {
		return ""
	}
	name := in.db.Copyright(packages.Package{Kind: p.Kind, Name: p.Name})
	if name == "" {
		return ""
	}
	text, _, err := readText(in.sys, name)
	if err != nil {
		return ""
	}
	return string(text)
}

// warnings returns what could not be read, for people.
func (in *installed) warnings() []string {
	err := in.err
	if in.db != nil {
		err = in.db.Err()
	}
	if err == nil {
		return nil
	}
	return []string{fmt.Sprintf("warning: not all packages are known, and files of the others are listed one by one: %s\nfix: repair the database, or name another Sysroot", err)}
}

// readText reads a small file of a root file system. It follows links inside of it; real is the path without links.
func readText(sys ldd.FS, name string) (content []byte, real string, err error) {
	if real, _, err = ldd.Follow(sys, name); err != nil {
		return nil, "", err
	}
	info, err := sys.Lstat(strings.TrimPrefix(real, "/"))
	if err != nil {
		return nil, "", err
	}
	if !info.Mode().IsRegular() || info.Size() > MaxText {
		return nil, "", &fs.PathError{Op: "read", Path: name, Err: errors.New("it is no small file")}
	}
	if info.Mode().Perm()&0o004 == 0 { // everybody may read an image
		return nil, "", &fs.PathError{Op: "read", Path: name, Err: fs.ErrPermission}
	}
	f, err := sys.Open(strings.TrimPrefix(real, "/"))
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	content, err = io.ReadAll(io.LimitReader(f, MaxText))
	return content, real, err
}

// DistroOf reads os-release(5). Fields that it lacks stay empty.
func DistroOf(sys ldd.FS) (d sbom.Distro) {
	text, _, err := readText(sys, "/etc/os-release")
	if err != nil {
		if text, _, err = readText(sys, "/usr/lib/os-release"); err != nil {
			return d
		}
	}
	for _, line := range strings.Split(string(text), "\n") {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			d.ID = value
		case "VERSION_ID":
			d.Version = value
		}
	}
	return d
}

// zonesOf returns the time zones of a Go toolchain as a package. ok is false if it has none.
func zonesOf(goroot string) (p sbom.Package, ok bool) {
	dir := filepath.Join(goroot, "lib", "time")
	if _, err := os.Stat(filepath.Join(dir, "zoneinfo.zip")); goroot == "" || err != nil {
		return p, false
	}
	p = sbom.Package{Name: "tzdata", Licence: zoneLicence}
	// The script that made the archive names the version. Without it, the version is unknown.
	if script, err := os.ReadFile(filepath.Join(dir, "update.bash")); err == nil {
		if m := zoneVersion.FindSubmatch(script); m != nil {
			p.Version = string(m[1])
		}
	}
	return p, true
}

// zoneLicence is the licence of time zones. The file LICENSE of tz says: "all files in the tz code and data are in the public domain"
// (https://data.iana.org/time-zones/tzdb/LICENSE).
const zoneLicence = "public domain"

var zoneVersion = regexp.MustCompile(`(?m)^DATA=([0-9]{4}[a-z]+)$`)

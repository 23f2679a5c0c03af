package buildkit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/sbom"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/packages"
)

// maxCopyright bounds a file of copyrights that is read, in bytes.
const maxCopyright = 16 << 20

// installed are the packages of a root file system.
type installed struct {
	sys    ldd.FS
	db     *packages.DB
	distro sbom.Distro
}

// openInstalled opens the databases of a root file system. Those that make no sense do
// not keep an image from its archive; a person hears of them.
func (b *Built) openInstalled(sys ldd.FS) installed {
	in := installed{sys: sys}
	var err error
	if in.db, err = packages.Open(in.sys); err != nil {
		in.db = nil
		b.warnDatabases(err)
	}
	in.distro = readDistro(in.sys)
	return in
}

func (b *Built) warnDatabases(err error) {
	b.Note("packages", fmt.Sprintf("warning: not all packages are known, their files are listed one by one: %s\nfix: repair the database, or name another Sysroot", err))
}

// owner is the package that has a file.
func (in installed) owner(name string) (packages.Package, bool) {
	if in.db == nil {
		return packages.Package{}, false
	}
	return in.db.Owner(name)
}

// empty tells whether there is nothing that packages could have.
func (in installed) empty() bool {
	return in.db != nil && len(in.db.All()) == 0 && in.distro == sbom.Distro{}
}

// owners say which package a file of an image comes from.
type owners struct {
	sysroot installed
	prefix  string       // of the sysroot's paths in the databases
	root    string       // where the sysroot's database is about, in the builder or on this machine
	near    installed    // of the machine that compiles: the builder, or this one
	fetched string       // the folder of this machine where the builder's files are; "" without one
	host    installed    // of this machine
	zones   sbom.Package // of the toolchain
	hasZone bool
}

// owners opens the databases of the sysroot and of the machines that files come from. The
// folder of a cross compiler has no database: what is in it are files of packages of the
// machine where it is.
func (b *Built) owners() *owners {
	o := &owners{host: b.openInstalled(ldd.DirFS("/"))}
	o.near = o.host
	if builder := b.Plan.Builder; builder != nil {
		o.near, o.fetched = b.openInstalled(builder.Below("/")), filepath.ToSlash(builder.Below("/").Files())
	}
	if o.sysroot, o.root = o.near, "/"; filepath.Clean(b.sysroot()) != "/" {
		if o.sysroot, o.root = b.openInstalled(b.inMachine(b.sysroot())), b.sysroot(); o.sysroot.empty() {
			o.sysroot, o.root, o.prefix = o.near, "/", filepath.ToSlash(b.sysroot())
		}
	}
	o.zones, o.hasZone = b.goZones()
	return o
}

// inMachine is a folder of the machine that compiles, the builder or this one, as a root.
func (b *Built) inMachine(dir string) ldd.FS {
	if builder := b.Plan.Builder; builder != nil {
		return builder.Below(dir)
	}
	return ldd.DirFS(dir)
}

// read notes a file below the root that decides about the image. In a builder none has to
// be: its image's ID, which is in the key of the memory, says all about it.
func (o *owners) read(b *Built, name string) {
	if b.Plan.Builder == nil {
		b.reads.Add(filepath.Join(o.root, filepath.FromSlash(name)))
	}
}

// all are the databases, each once.
func (o *owners) all() []installed {
	list := []installed{o.sysroot}
	for _, in := range []installed{o.near, o.host} {
		if !slices.ContainsFunc(list, func(other installed) bool { return other.db == in.db }) {
			list = append(list, in)
		}
	}
	return list
}

// of is the package of an entry; ok is false for files that were made, that belong to
// nobody, and that the user adds.
func (o *owners) of(e rootfs.Entry) (p sbom.Package, ok bool) {
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

// describe is a package in the words of the room for bills of materials.
func (in installed) describe(p packages.Package) sbom.Package {
	return sbom.Package{
		Kind: p.Kind, Name: p.Name, Version: p.Version, Arch: p.Architecture, Distro: in.distro,
		Source: p.Source, SourceVersion: p.SourceVersion, Licence: p.Licence,
	}
}

// copyright is the text of a Debian package's copyright file, "" where there is none.
func (o *owners) copyright(p sbom.Package) string {
	if p.Kind != packages.Deb {
		return ""
	}
	for _, in := range o.all() {
		if in.db == nil || in.distro != p.Distro {
			continue
		}
		name := in.db.Copyright(packages.Package{Kind: p.Kind, Name: p.Name})
		if text, err := readIn(in.sys, name); name != "" && err == nil {
			return string(text)
		}
	}
	return ""
}

// tell says what could not be read of the databases: a bill of materials that lacks
// something and does not say so is worse than none.
func (o *owners) tell(b *Built) {
	for _, in := range o.all() {
		if in.db != nil && in.db.Err() != nil {
			b.warnDatabases(in.db.Err())
		}
	}
}

// readIn reads a small file of a root file system, through links inside of it.
func readIn(sys ldd.FS, name string) (content []byte, err error) {
	real, _, err := ldd.Follow(sys, name)
	if err != nil {
		return nil, err
	}
	info, err := sys.Lstat(strings.TrimPrefix(real, "/"))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxCopyright {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("it is no small file")}
	}
	f, err := sys.Open(strings.TrimPrefix(real, "/"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, maxCopyright))
}

// readDistro reads os-release(5); what it does not say is not known.
func readDistro(sys ldd.FS) (d sbom.Distro) {
	text, err := readIn(sys, "/etc/os-release")
	if err != nil {
		if text, err = readIn(sys, "/usr/lib/os-release"); err != nil {
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

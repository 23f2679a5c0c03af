package libraries

import (
	"cmp"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/exclude"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
	"github.com/fromscratch-go/fromscratch/rootfs/plugins"
)

// source is where the libraries come from: the base of the image, and a sysroot for what the base lacks.
type source struct {
	plan    plan.Image
	dir     string      // the sysroot on the machine that compiles
	own     ldd.FS      // the sysroot; notes what is read
	without *exclude.FS // own as the Config's Exclude leaves it; nil excludes no file
	hidden  []string    // files of the base that are taken from the sysroot
}

// Sysroot returns the folder of the machine that compiles which the libraries are in: that of the Config, else that of the C compiler,
// else the root.
func Sysroot(p plan.Image, program compile.Program) string {
	return cmp.Or(p.Libraries.Sysroot, program.Compiler.Sysroot, "/")
}

// newSource returns the source of a program's libraries. What is read on this machine is added to reads. The files of a
// builder are left out, because the key of what is kept has the ID of the builder's image.
func newSource(p plan.Image, dir string, reads *record.Set) *source {
	s := &source{plan: p, dir: dir, own: p.Machine(dir)}
	if p.Builder == nil {
		s.own = notedFS{s.own, dir, reads}
	}
	if patterns := excluded(p); len(patterns) > 0 {
		s.without = exclude.New(s.own, patterns)
	}
	return s
}

// whole returns the source without regard to Exclude.
func (s *source) whole() ldd.FS { return s.overBase(s.own) }

// kept returns the source without what the Config excludes. The base's files stay: they are in the image anyway.
func (s *source) kept() ldd.FS {
	if s.without == nil {
		return s.whole()
	}
	return s.overBase(s.without)
}

// overBase puts a sysroot below the base.
func (s *source) overBase(sys ldd.FS) ldd.FS {
	if s.plan.Base == nil {
		return sys
	}
	return rootfs.Overlay(s.plan.Base.FS, sys, slices.Concat(s.hidden, packageFolders)...)
}

// String names the source for people.
func (s *source) String() string {
	switch b := s.plan.Builder; {
	case b == nil:
		return s.dir
	case s.dir == "/":
		return b.Ref
	default:
		return b.Ref + " " + s.dir
	}
}

// hide takes a file from the sysroot although the base has it.
func (s *source) hide(real string) { s.hidden = []string{real} }

// words names the source of objects for people, and says how many of them are in the base.
func (s *source) words(objects []*ldd.Object) string {
	if s.plan.Base == nil {
		return s.String()
	}
	n := 0
	for _, o := range objects {
		if _, err := s.plan.Base.FS.Lstat(o.Real[1:]); err == nil {
			n++
		}
	}
	return plaintext.Sprintf("%s, %d of them of the base", s, n)
}

// packageFolders are the folders of package databases. Those of the sysroot know the packages of the libraries that the base lacks, and
// what else belongs to them.
var packageFolders = []string{"/var/lib/dpkg", "/lib/apk/db", "/usr/lib/apk/db", "/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"}

// excluded returns the patterns of the Config's Exclude. A word that is the name of a group means the group, not files of that name.
func excluded(p plan.Image) []string {
	groups := plugins.Groups()
	return slices.DeleteFunc(slices.Clone(p.Libraries.Exclude), func(word string) bool { return slices.Contains(groups, word) })
}

// notedFS is a sysroot that notes what is looked at: both what is there and what is not there but would have been taken.
type notedFS struct {
	ldd.FS
	root  string
	reads *record.Set
}

func (n notedFS) note(name string) { n.reads.Add(filepath.Join(n.root, filepath.FromSlash(name))) }

// Open notes a file, or a folder for the names in it.
func (n notedFS) Open(name string) (fs.File, error) {
	n.note(name)
	return n.FS.Open(name)
}

// Lstat notes a path, unless it is a folder. That a path is a folder shows in what is below it; the names in it are noted by Open.
func (n notedFS) Lstat(name string) (fs.FileInfo, error) {
	info, err := n.FS.Lstat(name)
	if err != nil || !info.IsDir() {
		n.note(name)
	}
	return info, err
}

// ReadLink notes a link.
func (n notedFS) ReadLink(name string) (string, error) {
	n.note(name)
	return n.FS.ReadLink(name)
}

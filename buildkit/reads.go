package buildkit

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// mageFile is what mage writes beside a magefile while it compiles it, at each run.
const mageFile = "mage_output_file.go"

// notedFS is a sysroot that notes what is looked at: what is there, and what is not
// there and would have been taken.
type notedFS struct {
	ldd.FS
	root string
	set  *record.Set
}

func (n notedFS) note(name string) { n.set.Add(filepath.Join(n.root, filepath.FromSlash(name))) }

// Open notes a file, or a folder for the names in it.
func (n notedFS) Open(name string) (fs.File, error) {
	n.note(name)
	return n.FS.Open(name)
}

// Lstat notes a path. A folder is noted by Open alone: here it matters only that it
// is one, which what is below it shows.
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

// sys is the sysroot of the program's libraries, with notes.
func (b *Built) sys() ldd.FS { return b.overBase(b.ownSys()) }

// ownSys is the sysroot without the base.
func (b *Built) ownSys() ldd.FS {
	sys := b.inMachine(b.sysroot())
	if b.Plan.Builder == nil { // of a builder the image's ID, which is in the key of the memory, says all
		sys = notedFS{sys, b.sysroot(), &b.reads}
	}
	return sys
}

// overBase is a sysroot under the base, if there is one.
func (b *Built) overBase(sys ldd.FS) ldd.FS {
	if b.Plan.Base == nil {
		return sys
	}
	return rootfs.Overlay(b.Plan.Base.FS, sys, slices.Concat(b.hidden, packageFolders)...)
}

// layoutReads are what decides which programs there are.
func (b *Built) layoutReads() (*record.Set, error) {
	p, src := b.Plan, b.Plan.Main.Sources
	set := &record.Set{Noise: mageFile, Began: p.Run.Names}
	for _, path := range slices.Concat(src.Files, src.Folders) {
		set.Add(path)
	}
	// Another module may begin in any folder on the way to the root.
	for dir := p.Run.Dir; ; dir = filepath.Dir(dir) {
		set.Add(filepath.Join(dir, "go.mod"))
		set.Add(filepath.Join(dir, "go.work"))
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if !p.Listed {
		return set, nil
	}
	return set, set.AddFolders(src.Module, func(path string) bool {
		name := filepath.Base(path)
		return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" ||
			path == filepath.Join(p.Root, "dist")
	})
}

// libraryReads are the files of the standard library, and the folders that another one may appear in.
func (b *Built) libraryReads() *record.Set {
	set := &record.Set{}
	for _, path := range b.Plan.Main.Sources.Library {
		set.Add(path)
		set.AddStamp(filepath.Dir(path))
	}
	return set
}

// contentReads are what decides what is in the program and in the image. Those of
// the sysroot were noted while they were read.
func (b *Built) contentReads() (*record.Set, error) {
	p, set := b.Plan, &b.reads
	set.Noise, set.Began = mageFile, p.Run.Names
	var errs []error
	for _, dir := range p.Main.Sources.Folders {
		errs = append(errs, addFilesOf(set, dir))
	}
	for _, dir := range p.Main.Sources.Cgo {
		set.Add(dir)
		errs = append(errs, addFilesOf(set, dir))
	}
	own := func(path string) bool { return path == filepath.Join(p.Root, "dist") }
	for _, dir := range p.Main.Sources.Trees {
		errs = append(errs, set.AddTree(dir, own))
	}
	if p.Binary != "" {
		set.Add(p.Binary)
	}
	for _, path := range ownFiles(p) {
		set.Add(path)
	}
	if p.Base != nil {
		for _, path := range p.Base.Paths {
			set.Add(path)
		}
	}
	for _, dir := range zoneTrees(p) {
		errs = append(errs, set.AddTree(dir, nil))
	}
	for _, path := range p.Files.HostPaths() {
		errs = append(errs, set.AddTree(path, own))
	}
	return set, errors.Join(errs...)
}

// ownFiles are the files of this machine, or places for them, that every image looks at. A
// builder has its own, which do not change.
func ownFiles(p Plan) []string {
	bundle := only(p.Files.Certificates.Bundle) // a base may have one of its own
	switch {
	case p.Builder == nil:
		return slices.Concat(rootfs.BundlePlaces(), bundle)
	case p.Files.Certificates.Bundle != p.Bundle:
		return slices.Concat(rootfs.BundlePlaces(), bundle)
	}
	return nil
}

// zoneTrees are the files and folders of this machine that time zones come from. A builder has its own.
func zoneTrees(p Plan) []string {
	if p.Builder != nil {
		return nil
	}
	return p.Files.ZonePlaces()
}

// addFilesOf adds the files of a package's folder, but for mage's.
func addFilesOf(set *record.Set, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() && e.Name() != mageFile {
			set.Add(filepath.Join(dir, e.Name()))
		}
	}
	return nil
}

// outputWrites are what the build has left in dist/, if it is to stand.
func (b *Built) outputWrites() *record.Set {
	set := &record.Set{}
	d := b.Plan.Dist()
	for _, path := range slices.Concat(d.Documents(), []string{filepath.Join(d.Rootfs(), b.Plan.Name), d.Archive(), d.Mark()}) {
		set.Add(path)
	}
	return set
}

// rememberOnce is remember, which a delivery may have done already.
func (b *Built) rememberOnce() error {
	if b.remembered {
		return nil
	}
	b.remembered = true
	return b.remember()
}

// Doubt keeps nothing of the build: what it was told is wrong.
func (b *Built) Doubt() error {
	b.remembered = true
	return b.Plan.Dist().Forget()
}

// remember keeps what the build has read and made. Where a change might go unseen
// it keeps nothing, and the next build does everything.
func (b *Built) remember() error {
	p := b.Plan
	switch {
	case p.Run.Key == "" || b.Image == nil:
		return nil
	case p.Main.Sources.Doubt != "":
		return p.Dist().Forget()
	}
	err := errors.Join(b.keepSystem(), b.keep())
	var doubt *record.DoubtError
	if errors.As(err, &doubt) {
		return p.Dist().Forget()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keeping what the build has read: %w", err), p.Dist().Forget())
	}
	return nil
}

func (b *Built) keep() error {
	p := b.Plan
	m := state.Memory{
		Key: p.Run.Key, Set: p.Run.Set, Folder: p.Folder(), Name: p.Name, Reference: p.Reference, IDs: b.result().IDs(), Config: b.Image.Config(),
		Platform: p.Platform, From: p.From, Index: p.Index, Module: p.Module, Main: p.Main, Headers: b.headers(), Base: baseMemory(p),
	}
	layout, err := b.layoutReads()
	if err != nil {
		return err
	}
	content, err := b.contentReads()
	if err != nil {
		return err
	}
	if m.Layout, err = layout.Take(p.Run.Began); err != nil {
		return err
	}
	if m.Content, err = content.Take(p.Run.Began); err != nil {
		return err
	}
	library, err := b.libraryReads().Take(p.Run.Began)
	if err != nil {
		return err
	}
	m.Library = library.String()
	// Written just now: nobody else has a hand in it.
	if m.Outputs, err = b.outputWrites().Take(farFuture); err != nil {
		return err
	}
	return m.Write(p.Dist().Memory())
}

// farFuture doubts nothing.
var farFuture = time.Unix(0, math.MaxInt64)

// headers are the checksums of the headers of all Go files that may change.
func (b *Built) headers() map[string]string {
	headers := map[string]string{}
	for _, dir := range b.Plan.Main.Sources.Folders {
		names, err := filepath.Glob(filepath.Join(fsx.QuoteGlob(dir), "*.go"))
		if err != nil {
			continue // without a header, a change of a file counts as one of its imports
		}
		for _, name := range names {
			if sum, ok := state.HeaderSum(name); ok && filepath.Base(name) != mageFile {
				headers[name] = sum
			}
		}
	}
	return headers
}

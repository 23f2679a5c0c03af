package state

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// Keep stores what a build has read and written, so that the next build can tell whether anything has changed. reads are the paths that
// the build noted while it read them. Nothing is stored after an error, or if a change could go unnoticed; the next build then does all
// the work again.
func Keep(p plan.Image, config image.Config, ids, reads []string) error {
	if p.Run.Key == "" {
		return nil
	}
	if p.Main.Sources.Doubt != "" {
		return p.Dist().Forget()
	}
	err := keep(p, config, ids, reads)
	var doubt *record.DoubtError
	if errors.As(err, &doubt) {
		return p.Dist().Forget()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keeping what the build has read: %w", err), p.Dist().Forget())
	}
	return nil
}

func keep(p plan.Image, config image.Config, ids, reads []string) error {
	b := Build{
		Key: p.Run.Key, Set: p.Run.Set, Folder: p.Folder(), Name: p.Name, Reference: p.Reference, IDs: ids, Config: config, Capabilities: p.Capabilities().Names(),
		Platform: p.Platform, From: p.From, Index: p.Index, Module: p.Module, Main: p.Main, Headers: Headers(p.Main), Base: BaseOf(p.BaseRequest(), p.Base),
		Programs: p.Run.Programs,
	}
	layout, err := layoutReads(p)
	if err != nil {
		return err
	}
	content, err := contentReads(p, reads)
	if err != nil {
		return err
	}
	if b.Layout, err = layout.Take(p.Run.Began); err != nil {
		return err
	}
	if b.Content, err = content.Take(p.Run.Began); err != nil {
		return err
	}
	library, err := libraryReads(p.Main).Take(p.Run.Began)
	if err != nil {
		return err
	}
	b.Library = library.String()
	// Written just now: nobody else has changed it.
	if b.Outputs, err = outputs(p).Take(farFuture); err != nil {
		return err
	}
	return b.Write(p.Dist().Memory())
}

// farFuture is a start of a run that no file is too young for.
var farFuture = time.Unix(0, math.MaxInt64)

// layoutReads returns the paths that decide which programs there are.
func layoutReads(p plan.Image) (*record.Set, error) {
	src := p.Main.Sources
	set := &record.Set{Noise: MageFile, Began: p.Run.Names}
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

// libraryReads returns the files of the standard library, and the folders that another one may appear in.
func libraryReads(main gobuild.Main) *record.Set {
	set := &record.Set{}
	for _, path := range main.Sources.Library {
		set.Add(path)
		set.AddStamp(filepath.Dir(path))
	}
	return set
}

// contentReads returns the paths that decide what is in the program and in the image: noted ones, and those of the plan.
func contentReads(p plan.Image, noted []string) (*record.Set, error) {
	set := &record.Set{Noise: MageFile, Began: p.Run.Names}
	for _, path := range noted {
		set.Add(path)
	}
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
	if p.Builder == nil { // a builder has its own zones, which do not change
		for _, dir := range p.Files.ZonePlaces() {
			errs = append(errs, set.AddTree(dir, nil))
		}
	}
	for _, path := range p.Files.HostPaths() {
		errs = append(errs, set.AddTree(path, own))
	}
	return set, errors.Join(errs...)
}

// ownFiles returns the files of this machine, or places for them, that every image depends on. A builder has its own, which do not change.
func ownFiles(p plan.Image) []string {
	bundle := p.Files.Certificates.Bundle // a base may have its own
	if p.Builder != nil && bundle == p.Bundle {
		return nil
	}
	files := rootfs.BundlePlaces()
	if bundle != "" {
		files = append(files, bundle)
	}
	return files
}

// addFilesOf adds the files of a package's folder, except mage's.
func addFilesOf(set *record.Set, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() && e.Name() != MageFile {
			set.Add(filepath.Join(dir, e.Name()))
		}
	}
	return nil
}

// outputs returns the files in dist/ that the build has written.
func outputs(p plan.Image) *record.Set {
	set := &record.Set{}
	d := p.Dist()
	for _, path := range slices.Concat(d.Documents(), []string{filepath.Join(d.Rootfs(), p.Name), d.Archive(), d.Mark()}) {
		set.Add(path)
	}
	return set
}

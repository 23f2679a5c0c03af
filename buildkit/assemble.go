package buildkit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// functions reads which of Go's functions are in the program: they tell what it
// looks for in a root file system. A program in another language tells nothing.
func (b *Built) functions(context.Context) (err error) {
	b.linked, err = linked.Read(b.Binary.Path)
	if errors.Is(err, linked.ErrNotGo) {
		b.linked, err = nil, nil
	}
	if err != nil {
		return fmt.Errorf("reading the functions of %q: %w", b.Binary.Path, err)
	}
	return nil
}

// baseSpec is what goes into the image besides the program and its libraries.
func (b *Built) baseSpec() rootfs.Spec {
	spec := b.Plan.Files
	spec.Program, spec.Further = "", b.texts
	b.addNeeds(&spec)
	return spec
}

// assemble makes the tree of the image.
func (b *Built) assemble(ctx context.Context) (err error) {
	spec := b.baseSpec()
	spec.Program, spec.Binary, spec.Sysroot = b.Plan.Files.Program, b.Binary.Path, b.kept()
	if b.recalled {
		spec.Known = b.system.entries(b.sys())
	} else {
		spec.Closure = b.Closure
		b.addOpened(&spec)
	}
	if b.Tree, err = rootfs.Assemble(ctx, spec); err != nil {
		return err
	}
	b.warnPrograms()
	if b.recalled {
		return nil
	}
	b.tellExcluded()
	if !b.Plan.Supply.Licences {
		return nil
	}
	// Which packages there are files of is known by now.
	texts, err := b.packageLicences()
	if err != nil {
		return err
	}
	spec.Further = slices.Concat(spec.Further, texts)
	b.Tree, err = rootfs.Assemble(ctx, spec)
	return err
}

// warnPrograms says that there is nothing to start in the image for a program that
// starts others.
func (b *Built) warnPrograms() {
	if b.linked == nil {
		return
	}
	for _, n := range b.linked.Needs() {
		if n.Kind == linked.Programs {
			if words := b.noShell(); words != "" {
				b.note("functions", "warning: "+n.Why+", and "+words)
			}
		}
	}
}

// addOpened adds what the program and its libraries open while they run.
func (b *Built) addOpened(spec *rootfs.Spec) {
	spec.Opened = map[string]rootfs.Because{}
	for _, p := range b.found.Plugins {
		spec.Opened[p.Path] = rootfs.Because{Why: p.Why, Of: p.Of}
	}
	for _, l := range b.Plan.Libraries.Names {
		spec.Opened[l] = rootfs.Because{Why: "configured at " + b.Plan.Origin}
	}
	for _, f := range b.found.Files {
		spec.Data = append(spec.Data, rootfs.Data{Path: f.Path, Because: rootfs.Because{Why: f.Why, Of: f.Of}, Within: f.Within})
	}
	spec.LeftOut = func(text string) {
		text = "warning: " + b.inImage(text)
		if !slices.Contains(b.notes, text) {
			b.note("rootfs", text)
			b.system.Notes = append(b.system.Notes, text)
		}
	}
}

// addNeeds adds what the functions look for that are linked into the program.
func (b *Built) addNeeds(spec *rootfs.Spec) {
	if b.linked == nil {
		return
	}
	for _, n := range b.linked.Needs() {
		switch n.Kind {
		case linked.Zones:
			if len(spec.Timezones) == 0 {
				spec.Timezones, spec.ZonesFor = []string{"all"}, n.Why
			}
		case linked.MIME:
			spec.MIMEFor = n.Why
		case linked.Cache:
			spec.CacheFor = n.Why
		}
	}
}

// proveLinks makes sure that no link leads to nothing. One of the user's files may:
// what it leads to may be mounted.
func (b *Built) proveLinks() error {
	var errs []error
	for _, e := range b.Tree.Dangling() {
		text := plaintext.Sprintf("the link %s -> %s (%s) leads to nothing in the image", e.Path, e.Link, e.Reason)
		if e.Layer == rootfs.Files {
			b.note("verify", "warning: "+text)
			continue
		}
		errs = append(errs, errors.New(text))
	}
	return errors.Join(errs...)
}

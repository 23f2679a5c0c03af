package buildkit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/deliver"
)

// LayoutAll writes images into OCI layouts, with all their names, and returns the folder of each name. Several Built of
// one name are the platforms of one image, an index. dir is a folder that gets all of them, and keeps what else is in
// it; "" is dist/NAME/layout of each.
func LayoutAll(ctx context.Context, built []*Built, dir string) ([]string, error) {
	var paths []string
	for _, group := range named(built) {
		path, err := group.layout(ctx, dir)
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func (g platforms) layout(ctx context.Context, dir string) (path string, err error) {
	b := g[0]
	dist, release, err := g.hold(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, release()) }()
	images, err := g.annotated(ctx)
	if err != nil {
		return "", fmt.Errorf("delivering image %q: %w", b.Plan.Reference, err)
	}
	l := deliver.Layout{Dir: dir, Images: images, Refs: b.Plan.References()}
	if dir == "" {
		l.Dir, l.Alone = dist.Layout(), true
	}
	done := b.report.Step(b.Plan.Name, "layout", "writing "+b.Plan.Show(l.Dir))
	err = l.Write(ctx)
	done(fmt.Sprintf("wrote %s to %s", strings.Join(l.Refs, ", "), b.Plan.Show(l.Dir)), err)
	if err != nil {
		return "", fmt.Errorf("delivering image %q: %w", b.Plan.Reference, errors.Join(err, g.doubt()))
	}
	return l.Dir, nil
}

// ArchiveAll writes images to dist/NAME/image.tar, with all their names, whole or not at all, and returns the paths.
// Several Built of one name are the platforms of one image, an index; an engine that cannot choose among them gets the
// one for own, and the first when there is none. The documents about each are written to its own folder in dist/, see
// [Built.WriteDocuments].
func ArchiveAll(ctx context.Context, built []*Built, own Platform) ([]string, error) {
	var paths []string
	for _, group := range named(built) {
		path, err := group.archive(ctx, own)
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// hold gives the folder of what is made of all platforms, and holds it. A single image
// is in its own, which the build holds.
func (g platforms) hold(ctx context.Context) (folder Dist, release func() error, err error) {
	p := g[0].Plan
	if p.Of < 2 {
		return p.Dist(), func() error { return nil }, nil
	}
	if release, err = p.Delivered().Claim(ctx); err != nil {
		return "", nil, err
	}
	// Each platform has its own documents; those here were of another image.
	if err := p.Delivered().RemoveDocuments(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("removing the documents of an earlier build: %w", err), release())
	}
	return p.Delivered(), release, nil
}

// all are the platforms.
func (g platforms) all() []Platform {
	var list []Platform
	for _, b := range g {
		list = append(list, b.Image.Config().Platform)
	}
	return list
}

func (g platforms) archive(ctx context.Context, own Platform) (path string, err error) {
	b := g[0]
	dist, release, err := g.hold(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, release()) }()
	path = dist.Archive()
	if p, ok := Runs(own, g.all()); ok {
		own = p
	}
	done := b.report.Step(b.Plan.Name, "archive", "writing "+b.Plan.Show(path))
	annotations, err := g.archived(ctx)
	if err == nil {
		err = deliver.Archive{Images: g.images(), Platform: own, Refs: b.Plan.References(), Annotations: annotations}.WriteFile(ctx, path)
	}
	done("wrote "+b.Plan.Show(path), err)
	if err != nil {
		for _, b := range g {
			err = errors.Join(err, b.Plan.Dist().RemoveDocuments())
		}
		return "", fmt.Errorf("delivering image %q: %w", b.Plan.Reference, errors.Join(err, g.doubt()))
	}
	for _, b := range g {
		if _, err := b.WriteDocuments(ctx); err != nil {
			return "", err
		}
	}
	return path, nil
}

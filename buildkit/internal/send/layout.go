package send

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
)

// Layout writes images to OCI layouts, with all their names, and returns the folder of each name. Several images of one name become
// an index. dir is a folder for all of them, and keeps what else is in it; "" means dist/NAME/layout of each.
func Layout(ctx context.Context, images []Image, dir string) ([]string, error) {
	return eachName(images, func(g platforms) (string, error) { return g.layout(ctx, dir) })
}

func (g platforms) layout(ctx context.Context, dir string) (path string, err error) {
	first := g[0]
	folder, release, err := g.hold(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, release()) }()
	images, err := g.annotated(ctx)
	if err != nil {
		return "", fmt.Errorf("delivering image %q: %w", first.Plan.Reference, err)
	}
	l := deliver.Layout{Dir: dir, Images: images, Refs: first.Plan.References()}
	if dir == "" {
		l.Dir, l.Alone = folder.Layout(), true
	}
	done := first.Report.Step(first.Plan.Name, "layout", "writing "+first.Plan.Show(l.Dir))
	err = l.Write(ctx)
	done(fmt.Sprintf("wrote %s to %s", strings.Join(l.Refs, ", "), first.Plan.Show(l.Dir)), err)
	if err != nil {
		return "", fmt.Errorf("delivering image %q: %w", first.Plan.Reference, errors.Join(err, g.forgetLayers()))
	}
	return l.Dir, nil
}

// hold returns the folder for what is made of all platforms, and holds it until release. A single image has its own folder, which
// the build holds.
func (g platforms) hold(ctx context.Context) (folder dist.Folder, release func() error, err error) {
	p := g[0].Plan
	if p.Of < 2 {
		return p.Dist(), func() error { return nil }, nil
	}
	if release, err = p.Delivered().Claim(ctx, nil); err != nil {
		return "", nil, err
	}
	// Each platform has its own documents; those here are about another image.
	if err := removeDocuments(p.Delivered()); err != nil {
		return "", nil, errors.Join(err, release())
	}
	return p.Delivered(), release, nil
}

package send

import (
	"context"
	"errors"
	"fmt"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// Archive writes images to dist/NAME/image.tar, with all their names, whole or not at all, and returns the paths. Several images of
// one name become an index. Engines that cannot choose from an index get the image for the platform own, or the first if there is
// none. The documents about each image are written to its own folder in dist/.
func Archive(ctx context.Context, images []Image, own platform.Platform) ([]string, error) {
	return eachName(images, func(g platforms) (string, error) { return g.archive(ctx, own) })
}

func (g platforms) archive(ctx context.Context, own platform.Platform) (path string, err error) {
	first := g[0]
	folder, release, err := g.hold(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, release()) }()
	path = folder.Archive()
	if p, ok := platform.Best(own, g.list()); ok {
		own = p
	}
	done := first.Report.Step(first.Plan.Name, "archive", "writing "+first.Plan.Show(path))
	annotations, err := g.archived(ctx)
	if err == nil {
		err = deliver.Archive{Images: g.images(), Platform: own, Refs: first.Plan.References(), Annotations: annotations}.WriteFile(ctx, path)
	}
	done("wrote "+first.Plan.Show(path), err)
	if err != nil {
		for _, img := range g {
			err = errors.Join(err, img.Plan.Dist().RemoveDocuments())
		}
		return "", fmt.Errorf("delivering image %q: %w", first.Plan.Reference, errors.Join(err, g.forgetLayers()))
	}
	for _, img := range g {
		if err := img.WriteDocuments(ctx); err != nil {
			return "", err
		}
	}
	return path, nil
}

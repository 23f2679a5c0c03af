package docker

import (
	"context"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
)

// strayPause is the time between two looks for strays. podman adds the name of an image a moment after the image.
const strayPause = time.Second

// strays returns images that another run has loaded under the name between our last look and our own load, so that it took
// the image last for the earlier one, and nobody knows its own. A sign of it is that last is gone: our load would have left it
// without a name. Engines that report which image lost its name need no search.
//
// It returns the images with the label that have no name, twice in a row. An error means that none is found.
func (e *Engine) strays(ctx context.Context, label string, last Image) []Image {
	if label == "" || last.ID == "" {
		return nil
	}
	if _, found, err := e.image(ctx, last.ID); found || err != nil {
		return nil
	}
	first := e.nameless(ctx, label)
	if len(first) == 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(strayPause):
	}
	var list []Image
	for id := range e.nameless(ctx, label) {
		if img, found, err := e.image(ctx, id); first[id] && found && err == nil {
			list = append(list, img)
		}
	}
	return list
}

// nameless returns the IDs of the images with a label that have no name.
func (e *Engine) nameless(ctx context.Context, label string) map[string]bool {
	ids := map[string]bool{}
	all, err := e.api.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("dangling", "true"), filters.Arg("label", label))})
	if err != nil {
		return nil
	}
	for _, s := range all {
		ids[canonicalID(s.ID)] = true
	}
	return ids
}

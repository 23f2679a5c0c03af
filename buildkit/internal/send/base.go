package send

import (
	"context"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
)

// baseFound says what an engine has of the base.
type baseFound struct {
	layers  int  // how many, from the lowest up
	asBlobs bool // the engine knows them by their compressed blobs
}

// base asks the engine for the base of an image. An engine with a graph driver, and podman, knows the base by the digest of its
// configuration, and finds layers by their content. The containerd image store finds layers by their blobs: it must have the same
// manifest, complete.
func (d *Delivery) base(ctx context.Context, r result.Result) (baseFound, error) {
	base := r.Plan.Base
	if name := r.Plan.BaseReference(); name != "" && r.OnBlobs() != nil {
		named := d.inspect(ctx, name)
		if named.err != nil {
			return baseFound{}, named.err
		}
		if named.found && slices.Contains(named.image.Manifests, base.Digest.String()) {
			return baseFound{len(base.Blobs), true}, nil
		}
	}
	id := base.ConfigDigest.String()
	known := d.inspect(ctx, id)
	if known.err != nil || !known.found || !known.image.Complete || known.image.ID != id {
		return baseFound{}, known.err
	}
	return baseFound{layers: known.image.Shared(diffIDs(base.Image.Layers))}, nil
}

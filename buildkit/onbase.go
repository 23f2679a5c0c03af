package buildkit

import (
	"context"
	"fmt"
	"slices"
)

// baseSize says for people how much of an image is its base.
func (b *Built) baseSize() string {
	if b.Plan.Base == nil {
		return ""
	}
	return fmt.Sprintf(", %s of them the base %s", Size(b.sizeOfBase()), b.Plan.BaseName)
}

// sizeOfBase is the size of all layers of the base, in bytes.
func (b *Built) sizeOfBase() int64 {
	var size int64
	for _, l := range b.Plan.Base.Image.Layers {
		size += l.Size
	}
	return size
}

// baseFound is what an engine has of the base.
type baseFound struct {
	layers  int  // how many, from the lowest up
	asBlobs bool // under the names of their compressed blobs
}

// baseIn asks an engine for the base. One with a graph driver, and podman, knows it by
// its configuration's digest and finds layers by what is in them. The containerd image
// store finds them by their blobs: it must have the very manifest, whole.
func (b *Built) baseIn(ctx context.Context, d *Delivery) (baseFound, error) {
	base := b.Plan.Base
	if name := b.Plan.BaseReference(); name != "" && b.result().OnBlobs() != nil {
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
	var diffIDs []string
	for _, l := range base.Image.Layers {
		diffIDs = append(diffIDs, l.DiffID.String())
	}
	return baseFound{layers: known.image.Shared(diffIDs)}, nil
}

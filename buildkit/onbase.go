package buildkit

import (
	"context"
	"fmt"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
)

// env is a variable of the image.
func (p Plan) env(name string) string {
	for _, pair := range p.Image.Env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// executables says where else there are some, for people.
func (p Plan) executables() string {
	if p.base == nil {
		return "Files; there is no shell"
	}
	return "Files or of the base " + p.config.Base
}

// aboveBase says for people that the tree is not the whole image.
func (p Plan) aboveBase() string {
	if p.base == nil {
		return ""
	}
	return ", without the files of the base " + p.config.Base
}

func (p Plan) baseImage() *image.Base {
	if p.base == nil {
		return nil
	}
	return p.base.Image
}

// baseSize says for people how much of an image is its base.
func (b *Built) baseSize() string {
	if b.Plan.base == nil {
		return ""
	}
	return fmt.Sprintf(", %s of them the base %s", Size(b.sizeOfBase()), b.Plan.config.Base)
}

// sizeOfBase is the size of all layers of the base, in bytes.
func (b *Built) sizeOfBase() int64 {
	var size int64
	for _, l := range b.Plan.base.Image.Layers {
		size += l.Size
	}
	return size
}

// sharedWithBase is how many layers an engine has that keeps layers as we send them. It has
// the base's, if it knows the base by its configuration's digest: then it has a graph
// driver, or is podman. The containerd image store names images by manifests; its blobs
// are compressed, and other ones than ours.
func (b *Built) sharedWithBase(ctx context.Context, engine *docker.Engine, kept int) (int, error) {
	p := b.Plan
	if p.base == nil || kept >= len(p.base.Image.Layers) {
		return kept, nil
	}
	id := p.base.ConfigDigest.String()
	img, found, err := engine.Image(ctx, id)
	if err != nil || !found || !img.Complete || img.ID != id {
		return kept, err
	}
	var diffIDs []string
	for _, l := range p.base.Image.Layers {
		diffIDs = append(diffIDs, l.DiffID.String())
	}
	return max(kept, img.Shared(diffIDs)), nil
}

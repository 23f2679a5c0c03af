package send

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// Load brings an image into an engine under its reference. If the engine has the image already, nothing is sent. If it has the
// lower layers, of an earlier image or of the base, only the other layers are sent. A failure is a [*report.EngineError].
func Load(ctx context.Context, img Image, d *Delivery) error {
	done := img.Report.Step(img.Plan.Label(), "docker", "loading "+img.Plan.Reference)
	outcome, err := d.load(ctx, img)
	done(outcome, err)
	if err != nil && ctx.Err() == nil {
		err = errors.Join(err, img.forgetLayers())
	}
	return err
}

// load returns the result for people.
func (d *Delivery) load(ctx context.Context, img Image) (outcome string, err error) {
	ref, ids := img.Plan.Reference, img.IDs()
	failed := func(err error) error {
		return &report.EngineError{Err: fmt.Errorf("delivering image %q to %s: %w", ref, d.engine.Host(), err)}
	}
	before, err := d.has(ctx, ref, ids)
	if err != nil {
		return "", failed(err)
	}
	mark := img.Plan.Dist().Loading()
	half := fsx.Exists(mark)
	if before.is(ids) && !half {
		return ref + " is unchanged", nil
	}
	p := parcel{image: img.Image}
	if !half {
		if p, err = d.parcel(ctx, img, before.image); err != nil {
			return "", failed(err)
		}
	}
	if len(p.has) > 0 {
		if err := img.Plan.Dist().MarkLoading(); err != nil {
			return "", fmt.Errorf("noting that image %q is being loaded: %w", ref, err)
		}
	}
	if p, err = d.sendOrAll(ctx, img, p, &before.image); err != nil {
		return "", failed(err)
	}
	d.loaded.add(p.image)
	if err := fsx.Remove(mark); err != nil {
		return "", fmt.Errorf("noting that image %q is loaded: %w", ref, err)
	}
	return fmt.Sprintf("loaded %s, sent %s", ref, report.Size(p.size())), nil
}

// parcel is an image as it is sent to an engine.
type parcel struct {
	image *image.Image
	has   map[digest.Digest]bool // blobs that the engine has
}

// parcel leaves out the layers that the engine has: of the earlier image, of the base, and of images that this run has brought.
func (d *Delivery) parcel(ctx context.Context, img Image, before docker.Image) (parcel, error) {
	p, kept := parcel{image: img.Image, has: map[digest.Digest]bool{}}, d.shared(img, before)
	if img.Plan.Base != nil {
		found, err := d.base(ctx, img.Result)
		if err != nil {
			return p, err
		}
		if found.asBlobs {
			p.image = img.OnBlobs()
		}
		kept = max(kept, found.layers)
	}
	kept = max(kept, d.loaded.shared(p.image))
	for _, blob := range p.image.Blobs()[:kept] {
		p.has[blob.Digest] = true
	}
	return p, nil
}

// size returns how many bytes are sent.
func (p parcel) size() int64 {
	var size int64
	for _, blob := range p.image.Blobs() {
		if !p.has[blob.Digest] {
			size += blob.Size
		}
	}
	return size
}

// shared returns how many layers, from the lowest up, the earlier image has in common with this one. It relies only on an image
// that fromscratch has made, and that was not pulled if the engine keeps layers compressed.
func (d *Delivery) shared(img Image, before docker.Image) int {
	if !before.Complete || before.Labels[docker.NameLabel] == "" {
		return 0
	}
	if d.engine.KeepsCompressed() && !before.Is(img.Before...) {
		return 0
	}
	return before.Shared(diffIDs(img.Image.Layers))
}

// sendOrAll sends a parcel. If that fails, or the request that was waiting for the image does, it sends the whole image. It returns
// what was sent last.
func (d *Delivery) sendOrAll(ctx context.Context, img Image, p parcel, before *docker.Image) (parcel, error) {
	begun := d.pending != nil
	err := d.send(ctx, img, p, before)
	if err == nil || ctx.Err() != nil || noAnswer(err) || len(p.has) == 0 && !begun {
		return p, err
	}
	// The engine may have lost what it had a moment ago, and the name may mean half an image now. The whole image repairs that.
	p = parcel{image: img.Image}
	return p, d.send(ctx, img, p, before)
}

// send streams a parcel into the engine.
func (d *Delivery) send(ctx context.Context, img Image, p parcel, before *docker.Image) error {
	archive := img.archive(img.Plan.Reference)
	archive.Image = p.image
	archive.Omit = func(blob digest.Digest) bool { return p.has[blob] }
	pending := d.pending
	d.pending = nil
	return d.engine.Load(ctx, docker.LoadRequest{
		Ref: img.Plan.Reference, IDs: img.IDs(), Write: archive.Write, Label: docker.NameLabel + "=" + img.Plan.Name,
		Platform: img.Plan.Platform, Pending: pending, Previous: before,
		Left: func(err error) {
			img.Report.Note(img.Plan.Label(), "docker", "warning: the previous image stays in the engine: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		},
	})
}

package buildkit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
)

// Load brings the image into the engine under its reference. An engine that has
// it already is sent nothing; one that has the image's lower layers, from an
// earlier build, is sent the others alone. What the next build can make use of is
// kept meanwhile. What fails is an [*EngineError].
func (b *Built) Load(ctx context.Context, d *Delivery) error {
	done := b.report.Step(b.Plan.Label(), "docker", "loading "+b.Plan.Reference)
	if err := b.removeStale(ctx); err != nil { // before it is noted what is there
		done("", err)
		return err
	}
	kept := make(chan error, 1)
	go func() { kept <- b.rememberOnce() }()
	came, err := b.load(ctx, d)
	done(came, err)
	keepErr := <-kept
	if err != nil && ctx.Err() == nil {
		// What is known of the image and its layers may be why.
		err = errors.Join(err, b.Doubt(), fsx.Remove(b.Plan.Dist().Layers()))
	}
	return errors.Join(err, keepErr)
}

func (b *Built) load(ctx context.Context, d *Delivery) (came string, err error) {
	before, err := d.has(ctx, b.Plan.Reference, b.result().IDs())
	if err != nil {
		return "", b.undelivered(d, err)
	}
	mark := b.Plan.Dist().Loading()
	half := fsx.Exists(mark)
	if before.is(b.result().IDs()) && !half {
		return b.Plan.Reference + " is unchanged", nil
	}
	p := parcel{image: b.Image}
	if !half {
		if p, err = b.parcel(ctx, d, before.image); err != nil {
			return "", b.undelivered(d, err)
		}
	}
	if len(p.has) > 0 {
		if err := b.Plan.Dist().MarkLoading(); err != nil {
			return "", fmt.Errorf("noting that image %q is being loaded: %w", b.Plan.Reference, err)
		}
	}
	if err := b.sendOrAll(ctx, d, &p, &before.image); err != nil {
		return "", b.undelivered(d, err)
	}
	d.loaded.add(p.image)
	if err := fsx.Remove(mark); err != nil {
		return "", fmt.Errorf("noting that image %q is loaded: %w", b.Plan.Reference, err)
	}
	return fmt.Sprintf("loaded %s, sent %s", b.Plan.Reference, Size(p.size())), nil
}

// undelivered is the error of an engine.
func (b *Built) undelivered(d *Delivery, err error) error {
	return &EngineError{Err: fmt.Errorf("delivering image %q to %s: %w", b.Plan.Reference, d.engine.Host(), err)}
}

// sendOrAll sends the image without what the engine has; when that fails, or the request
// that has waited for the image, everything.
func (b *Built) sendOrAll(ctx context.Context, d *Delivery, p *parcel, before *docker.Image) error {
	begun := d.pending != nil
	err := b.send(ctx, d, *p, before)
	if err == nil || ctx.Err() != nil || noAnswer(err) || len(p.has) == 0 && !begun {
		return err
	}
	// What the engine had a moment ago may be gone, and then the name may stand
	// for half an image: everything, once, puts it right.
	*p = parcel{image: b.Image}
	return b.send(ctx, d, *p, before)
}

// shared is how many layers, from the lowest up, an image of ours has in common
// with this one. Of an image of somebody else's nothing is taken for granted, nor of
// one that was pulled, where the engine keeps layers as they came.
func (b *Built) shared(engine *docker.Engine, before docker.Image) int {
	if !before.Complete || before.Labels[docker.NameLabel] == "" {
		return 0
	}
	if engine.KeepsCompressed() && !before.Is(b.last...) {
		return 0
	}
	var diffIDs []string
	for _, l := range b.Image.Layers {
		diffIDs = append(diffIDs, l.DiffID.String())
	}
	return before.Shared(diffIDs)
}

// parcel is the image as it is sent to an engine.
type parcel struct {
	image *image.Image
	has   map[digest.Digest]bool // blobs that the engine has
}

// parcel leaves out what the engine has: of an earlier image of ours, of the base, and of
// images that came before this one.
func (b *Built) parcel(ctx context.Context, d *Delivery, before docker.Image) (parcel, error) {
	p, kept := parcel{image: b.Image, has: map[digest.Digest]bool{}}, b.shared(d.engine, before)
	if base := b.Plan.Base; base != nil {
		found, err := b.baseIn(ctx, d)
		if err != nil {
			return p, err
		}
		if found.asBlobs {
			p.image = b.result().OnBlobs()
		}
		kept = max(kept, found.layers)
	}
	kept = max(kept, d.loaded.shared(p.image))
	for _, blob := range p.image.Blobs()[:kept] {
		p.has[blob.Digest] = true
	}
	return p, nil
}

// size is that of what is sent, in bytes.
func (p parcel) size() int64 {
	var size int64
	for _, blob := range p.image.Blobs() {
		if !p.has[blob.Digest] {
			size += blob.Size
		}
	}
	return size
}

// send streams the image into the engine, without what that has.
func (b *Built) send(ctx context.Context, d *Delivery, p parcel, before *docker.Image) error {
	archive := b.archive()
	archive.Image = p.image
	archive.Omit = func(blob digest.Digest) bool { return p.has[blob] }
	pending := d.pending
	d.pending = nil
	return d.engine.Load(ctx, docker.LoadRequest{
		Ref: b.Plan.Reference, IDs: b.result().IDs(), Write: archive.Write, Label: docker.NameLabel + "=" + b.Plan.Name,
		Platform: b.Plan.Platform, Pending: pending, Previous: before,
		Left: func(err error) {
			b.Note("docker", "warning: the image of before stays in the engine: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		},
	})
}

// removeStale removes the archive and the layout of an earlier build, unless they are
// of this image: they are not what the engine has now.
func (b *Built) removeStale(ctx context.Context) error {
	if err := b.removeStaleDocuments(); err != nil {
		return err
	}
	if b.Plan.Of < 2 {
		return b.removeStaleFiles(b.Plan.Dist())
	}
	return b.Plan.Delivered().InUse(ctx, func(d Dist) error {
		if err := d.RemoveDocuments(); err != nil {
			return fmt.Errorf("removing the documents of an earlier build: %w", err)
		}
		return b.removeStaleFiles(d)
	})
}

// removeStaleFiles is removeStale in a folder that this process holds.
func (b *Built) removeStaleFiles(folder Dist) error {
	if !deliver.LayoutHas(folder.Layout(), b.Image.ConfigDigest) {
		if err := fsx.Remove(folder.Layout()); err != nil {
			return fmt.Errorf("removing the layout of an earlier build: %w", err)
		}
	}
	if deliver.ArchiveHolds(folder.Archive(), b.Image.ManifestDigest) {
		return nil
	}
	if err := fsx.Remove(folder.Archive()); err != nil {
		return fmt.Errorf("removing the archive of an earlier build: %w", err)
	}
	return nil
}

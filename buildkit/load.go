package buildkit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
)

// Load brings the image into the engine under its reference. An engine that has
// it already is sent nothing; one that has the image's lower layers, from an
// earlier build, is sent the others alone. What fails is an [*EngineError].
func (b *Built) Load(ctx context.Context, engine *docker.Engine) error {
	done := b.report.step(b.Plan.Label(), "docker", "loading "+b.Plan.Reference)
	came, err := b.load(ctx, engine)
	done(came, err)
	if err != nil {
		err = errors.Join(err, remove(b.Plan.Dist().layers())) // what it knows may be why
		return &EngineError{fmt.Errorf("delivering image %q to %s: %w", b.Plan.Reference, engine.Host(), err)}
	}
	return b.removeStale()
}

func (b *Built) load(ctx context.Context, engine *docker.Engine) (came string, err error) {
	before, found, err := engine.Image(ctx, b.Plan.Reference)
	if err != nil {
		return "", err
	}
	if found && before.Complete && slices.Contains(b.ids(), before.ID) {
		return b.Plan.Reference + " is unchanged", nil
	}
	kept, err := b.sharedWithBase(ctx, engine, b.shared(before))
	if err != nil {
		return "", err
	}
	err = b.send(ctx, engine, kept)
	if err != nil && kept > 0 && ctx.Err() == nil {
		// What the engine had a moment ago may be gone, and then the name may stand
		// for half an image: everything, once, puts it right.
		kept = 0
		err = b.send(ctx, engine, kept)
	}
	return fmt.Sprintf("loaded %s, sent %s", b.Plan.Reference, Size(b.sizeFrom(kept))), err
}

// ids are what engines may call the image: by its configuration's digest with a
// graph driver, by its manifest's with the containerd image store.
func (b *Built) ids() []string {
	return []string{b.Image.ConfigDigest.String(), b.Image.ManifestDigest.String()}
}

// shared is how many layers, from the lowest up, an image of ours has in common
// with this one. Of an image of somebody else's nothing is taken for granted.
func (b *Built) shared(before docker.Image) int {
	if !before.Complete || before.Labels[markLabel] == "" {
		return 0
	}
	var diffIDs []string
	for _, l := range b.Image.Layers {
		diffIDs = append(diffIDs, l.DiffID.String())
	}
	return before.Shared(diffIDs)
}

// send streams the image into the engine, without the lowest layers that it has.
func (b *Built) send(ctx context.Context, engine *docker.Engine, kept int) error {
	archive := b.archive()
	archive.Omit = func(diffID digest.Digest) bool {
		for _, l := range b.Image.Layers[:kept] {
			if l.DiffID == diffID {
				return true
			}
		}
		return false
	}
	p := b.Plan.Platform
	return engine.Load(ctx, docker.LoadRequest{
		Ref: b.Plan.Reference, IDs: b.ids(), Write: archive.Write, Label: markLabel + "=" + b.Plan.Name,
		Platform: docker.Platform{OS: p.OS, Arch: p.Architecture, Variant: p.Variant},
	})
}

// sizeFrom is the size of the layers above the lowest n, in bytes.
func (b *Built) sizeFrom(n int) int64 {
	var size int64
	for _, l := range b.Image.Layers[n:] {
		size += l.Size
	}
	return size
}

// removeStale removes the archive and the layout of an earlier build, unless they are
// of this image: they are not what the engine has now.
func (b *Built) removeStale() error {
	if err := b.removeStaleDocuments(); err != nil {
		return err
	}
	img, err := b.Image.WithOrigins()
	if err != nil {
		return err
	}
	dist := b.Plan.delivered()
	if b.Plan.of > 1 {
		if err := removeDocuments(dist); err != nil {
			return fmt.Errorf("removing the documents of an earlier build: %w", err)
		}
	}
	if !deliver.LayoutHas(dist.layout(), img.ManifestDigest) {
		if err := removeFolder(dist.layout()); err != nil {
			return fmt.Errorf("removing the layout of an earlier build: %w", err)
		}
	}
	if deliver.ArchiveHolds(dist.archive(), b.Image.ManifestDigest) {
		return nil
	}
	if err := remove(dist.archive()); err != nil {
		return fmt.Errorf("removing the archive of an earlier build: %w", err)
	}
	return nil
}

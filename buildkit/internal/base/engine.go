package base

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// inEngine finds the base in the engine. If it is not there, it returns nil and, for another platform, the start of an error.
func (f Finder) inEngine(ctx context.Context, r Request) (*Base, string, error) {
	engine, err := f.engine(ctx)
	if err != nil || engine == nil {
		return nil, "", err
	}
	id, own, found, err := engine.Base(ctx, r.Reference)
	if err != nil || !found {
		return nil, "", remoteError(err)
	}
	if !platform.Fits(own, r.Platform) {
		return nil, fmt.Sprintf("the engine has it for %s; ", own), nil
	}
	name := cache(f.Cache).recordName("engine", id, r.Platform)
	if rec, ok := cache(f.Cache).recall(name); ok && f.cached(rec) {
		parsed, err := image.ParseBase(rec.Config, nil)
		if err != nil {
			return nil, "", err
		}
		b, err := f.make(ctx, r, candidate{record: rec, id: id}, parsed)
		return b, "", err
	}
	b, err := f.saved(ctx, r, engine, id, name)
	if err != nil {
		err = remoteError(fmt.Errorf("taking it from the engine: %w", err))
	}
	return b, "", err
}

// saved reads the base from the engine through a temporary archive.
func (f Finder) saved(ctx context.Context, r Request, engine Engine, id, name string) (b *Base, err error) {
	if err := os.MkdirAll(f.Cache, 0o755); err != nil {
		return nil, err
	}
	temp, err := os.CreateTemp(f.Cache, ".saving-*.tar")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, fsx.Remove(temp.Name())) }()
	if err := errors.Join(engine.Save(ctx, r.Reference, temp), temp.Close()); err != nil {
		return nil, err
	}
	archive, err := openArchive(ctx, temp.Name(), f.Cache)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	c, err := choose(ctx, archive, "", r.Platform)
	if err != nil {
		return nil, err
	}
	c.id, c.From, c.account = id, "the engine", archive.account
	if b, err = f.complete(ctx, r, c); err != nil {
		return nil, err
	}
	// The archive will be gone before a push needs its blobs.
	for _, l := range b.Image.Layers {
		l.Blob = nil
	}
	return b, cache(f.Cache).remember(name, c.record)
}

package base

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// candidate is a base whose layers are not in the cache yet.
type candidate struct {
	record
	blobs []image.Blob // one for each layer, with Open
	id    string
	paths []string
	// account is that of the layers' archive; nil means a new one.
	account *account
}

// maxLayers bounds the number of layers. overlay2 takes 127.
const maxLayers = 500

// complete fetches the missing layers and returns the base.
func (f Finder) complete(ctx context.Context, r Request, c candidate) (*Base, error) {
	parsed, err := image.ParseBase(c.Config, nil)
	if err != nil {
		return nil, err
	}
	if p := parsed.Platform(); !platform.Fits(p, r.Platform) {
		return nil, wrongPlatform([]image.Platform{p}, r.Platform)
	}
	diffIDs := parsed.Document().RootFS.DiffIDs
	if len(diffIDs) > maxLayers {
		return nil, fmt.Errorf("it has %d layers, and no engine takes more than %d\nfix: take another base", len(diffIDs), maxLayers)
	}
	if len(c.blobs) != len(diffIDs) {
		return nil, broken("it names %d layers, and has %d", len(diffIDs), len(c.blobs))
	}
	if c.account == nil {
		c.account = &account{}
	}
	if err := cache(f.Cache).layers(ctx, diffIDs, c.blobs, c.account); err != nil {
		return nil, err
	}
	return f.make(ctx, r, c, parsed)
}

// cached reports whether all layers are in the cache.
func (f Finder) cached(rec record) bool {
	parsed, err := image.ParseBase(rec.Config, nil)
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(parsed.Document().RootFS.DiffIDs, func(d digest.Digest) bool {
		_, err := os.Stat(cache(f.Cache).layer(d))
		return err != nil
	})
}

// make returns the base made of layers in the cache.
func (f Finder) make(ctx context.Context, r Request, c candidate, parsed *image.Base) (*Base, error) {
	b := &Base{
		Reference: r.Reference, From: c.From, Digest: c.Digest, ConfigDigest: digest.FromBytes(c.Config),
		ID: r.same(c.id), Paths: c.paths,
	}
	if b.Digest == "" {
		b.Digest = b.ConfigDigest
	}
	for _, l := range c.Blobs {
		b.Blobs = append(b.Blobs, image.Blob{MediaType: l.MediaType, Digest: l.Digest, Size: l.Size})
	}
	var files []string
	var packed int64
	lines := parsed.Lines()
	for i, diffID := range parsed.Document().RootFS.DiffIDs {
		path := cache(f.Cache).layer(diffID)
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("reading the layer %s: %w", diffID, err)
		}
		if _, err := os.Stat(indexName(path)); err != nil { // an older version has cached the layer without its headers
			if err := cache(f.Cache).index(ctx, path, info.Size()); err != nil {
				return nil, fmt.Errorf("reading the layer %s: %w", diffID, err)
			}
		}
		stored := image.Stored{Path: path, DiffID: diffID, Size: info.Size(), CreatedBy: lines[i], Comment: "base image"}
		if i < len(c.blobs) && isPacked(c.blobs[i], diffID) {
			stored.Blob = &c.blobs[i]
		}
		parsed.Layers = append(parsed.Layers, image.StoredLayer(stored))
		files = append(files, path)
		if i < len(c.blobs) {
			packed += min(c.blobs[i].Size, info.Size())
		} else {
			packed += info.Size()
		}
	}
	b.Image = parsed
	if c.account != nil {
		packed = c.account.packed(packed)
	}
	var err error
	b.FS, err = flatten(ctx, files, packed)
	return b, err
}

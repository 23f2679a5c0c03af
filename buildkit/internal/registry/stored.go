package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// Packed returns the size in bytes of an image's layers as a push of it would store them. It compresses the layers that the cache does not
// have; the push need not do it again.
func Packed(ctx context.Context, r PushRequest, img *image.Image) (size int64, err error) {
	m, err := r.Compression.method()
	if err != nil {
		return 0, err
	}
	cache, err := newCache(r.Cache, m)
	if err != nil {
		return 0, err
	}
	for _, l := range img.Layers {
		if isPacked(l.Blob) {
			size += l.Blob.Size
			continue
		}
		desc, known := cache.known(l.DiffID)
		if !known {
			if desc, _, err = cache.file(ctx, l); err != nil {
				return 0, err
			}
		}
		size += desc.Size
	}
	return size, cache.evict(r.CacheSize)
}

// Stored is an image that a registry has.
type Stored struct {
	Tag  string // "" if there is none
	Size int64  // of its layers, in bytes, as its manifest says
}

// Find returns the image for a platform that the registry has under the first of the request's tags for which it has one. It fails with an
// [*Error] if the registry cannot be reached or refuses.
func Find(ctx context.Context, r PushRequest, p platform.Platform) (Stored, error) {
	r.reached = &atomic.Bool{}
	c, err := r.open(ctx)
	if c == nil {
		return Stored{}, err
	}
	defer c.close()
	c.doing, c.help = "asking for the image in", "see what the registry has under the image's tags, or leave Check.MaxGrowth out"
	for _, tag := range r.Tags {
		if err != nil {
			break
		}
		var s Stored
		if s, err = r.find(ctx, c, tag, p); s.Tag != "" {
			return s, nil
		}
	}
	return Stored{}, c.wrap(err)
}

// find is Find for one tag.
func (r PushRequest) find(ctx context.Context, c *client, tag string, p platform.Platform) (Stored, error) {
	var doc manifestDocument
	found, err := r.document(ctx, c, tag, &doc)
	if err != nil || !found {
		return Stored{}, err
	}
	if len(doc.Manifests) == 0 {
		return r.size(ctx, c, tag, doc, p)
	}
	for _, d := range doc.Manifests {
		if d.Platform == nil || !platform.Same(platformOf(*d.Platform), p) {
			continue
		}
		var below manifestDocument
		if found, err := r.document(ctx, c, d.Digest.String(), &below); err != nil || !found {
			return Stored{}, err
		}
		return r.size(ctx, c, tag, below, p)
	}
	return Stored{}, nil
}

// manifestDocument is what is read of a manifest or an index, of OCI or of Docker.
type manifestDocument struct {
	Config    ocispec.Descriptor   `json:"config"`
	Layers    []ocispec.Descriptor `json:"layers"`
	Manifests []ocispec.Descriptor `json:"manifests"`
}

// size returns the image of a manifest, if it is for the platform.
func (r PushRequest) size(ctx context.Context, c *client, tag string, m manifestDocument, p platform.Platform) (Stored, error) {
	var config ocispec.Platform
	err := r.read(ctx, c, "asking for the configuration of "+tag, func(ctx context.Context) (io.ReadCloser, error) { return c.repo.Blobs().Fetch(ctx, m.Config) }, &config)
	if err != nil || !platform.Same(platformOf(config), p) {
		return Stored{}, err
	}
	s := Stored{Tag: tag}
	for _, l := range m.Layers {
		if l.Size < 0 || l.Size > 1<<50 { // it is only a claim
			return Stored{}, fmt.Errorf("the manifest of the tag %q has a layer of %d bytes", tag, l.Size)
		}
		s.Size += l.Size
	}
	return s, nil
}

func platformOf(p ocispec.Platform) platform.Platform {
	return platform.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
}

// document reads a manifest or an index. found is false if the registry does not have it.
func (r PushRequest) document(ctx context.Context, c *client, name string, into *manifestDocument) (found bool, err error) {
	err = r.read(ctx, c, fmt.Sprintf("asking for %q", name), func(ctx context.Context) (io.ReadCloser, error) {
		_, body, err := c.repo.Manifests().FetchReference(ctx, name)
		return body, err
	}, into)
	if errors.Is(err, errdef.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// maxDocument bounds a manifest and a configuration, in bytes, as for bases.
const maxDocument = 4 << 20

// read reads a small document, and retries where that helps. Its error names the step.
func (r PushRequest) read(ctx context.Context, c *client, doing string, open func(context.Context) (io.ReadCloser, error), into any) error {
	err := r.retry(ctx, func(ctx context.Context) error {
		body, err := open(ctx)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(body, maxDocument+1))
		if err = errors.Join(err, body.Close()); err != nil {
			return err
		}
		if len(text) > maxDocument {
			return fmt.Errorf("the document has more than %d bytes", maxDocument)
		}
		if err := json.Unmarshal(text, into); err != nil {
			return fmt.Errorf("the document is no JSON of an image: %w", err)
		}
		return nil
	})
	if err != nil {
		return &step{doing, err}
	}
	return nil
}

package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"

	"github.com/fromscratch-go/fromscratch/buildkit/image"
)

// PushRequest says what goes where. Images, Repository, Tags and Cache must be set.
type PushRequest struct {
	// Images is one image, or those of several platforms, which become an index.
	Images []*image.Image
	// Repository like "registry.example/acme/hello"; without a registry it is Docker Hub's.
	Repository string
	// Tags are the names in the repository, like "latest". They are set last, when all else is there.
	Tags []string
	// Attach are documents about the image, pushed as referrers of it.
	Attach []Attachment
	// Describe makes further documents about each image, when its manifest, which names the compressed layers, is in the
	// registry. nil makes none.
	Describe func(ctx context.Context, img *image.Image) ([]Attachment, error)
	// DescribeIndex makes documents about the index of several images, when that is in the registry: who asks for what is
	// about a tag hears of these alone. nil makes none.
	DescribeIndex func(ctx context.Context, index digest.Digest) ([]Attachment, error)

	// Compression of the layers. Default: [Gzip]. A layer with an [image.Layer.Blob] that is compressed is sent as that.
	Compression Compression
	// Cache is a folder of compressed layers, for this push and the next ones; it is made.
	Cache string
	// CacheSize is how many bytes may stay there. Default: [DefaultCacheSize].
	CacheSize int64

	// Credentials says where logins are found. Default: nowhere.
	Credentials Credentials
	// CAFile is a PEM file of certificate authorities that count besides the system's.
	CAFile string
	// PlainHTTP speaks without TLS. Default: only with registries on this machine (localhost, 127.0.0.1, ::1) that do.
	PlainHTTP bool

	// Parallel is how many layers are compressed and sent at once. Default: 4.
	Parallel int
	// Retries is how often a step is tried again when a connection breaks or the registry answers that it is busy or
	// broken (408, 429, 5xx). Default: [DefaultRetries].
	Retries int
	// Wait is the wait before the first of them, about; it doubles each time. A Retry-After counts if it is longer.
	// Default: [DefaultWait].
	Wait time.Duration

	// Answer is how long the registry may take to answer when it has all of a request, and Move how long it may take no
	// byte of a blob. Then the step is tried again, twice at most. Defaults: [stall.DefaultAnswer], [stall.DefaultMove].
	Answer, Move time.Duration

	// Progress hears how many bytes of blobs were sent. It is called by one goroutine at a time, often. nil hears
	// nothing.
	Progress func(Progress)

	reached *atomic.Bool // an answer has come
}

// Pushed is what a push has brought about.
type Pushed struct {
	Reference string        // "registry.example/acme/hello:1@sha256:…", with the first tag
	Digest    digest.Digest // of the manifest, or of the index
	Progress                // at the end
}

// Push brings images into a registry. What the registry has is not sent again. It fails with an [*Error] when the
// registry cannot be reached or refuses, a layer cannot be read or kept, and when ctx ends, which ends all transfers at
// once; with other errors when something in the request is wrong. Blobs that were sent before stay in the registry; the
// tags are as they were.
func Push(ctx context.Context, r PushRequest) (Pushed, error) {
	p, err := r.begin(ctx)
	if err != nil {
		return Pushed{}, err
	}
	defer p.client.close()
	root, err := p.all(ctx)
	if err != nil {
		return Pushed{}, p.client.wrap(err)
	}
	return Pushed{
		Reference: fmt.Sprintf("%s:%s@%s", r.Repository, r.Tags[0], root.Digest), Digest: root.Digest, Progress: p.counter.now(),
	}, nil
}

// push is one push under way.
type push struct {
	PushRequest
	client  *client
	cache   cache
	counter *counter
}

// begin checks the request, before anything is sent.
func (r PushRequest) begin(ctx context.Context) (*push, error) {
	if len(r.Images) == 0 || len(r.Tags) == 0 {
		return nil, fmt.Errorf("pushing to %q: there is no image, or no tag", r.Repository)
	}
	m, err := r.Compression.method()
	if err != nil {
		return nil, err
	}
	cache, err := newCache(r.Cache, m)
	if err != nil {
		return nil, err
	}
	r.reached = &atomic.Bool{}
	if r.Parallel <= 0 {
		r.Parallel = 4
	}
	p := &push{PushRequest: r, cache: cache, counter: &counter{hear: r.Progress}}
	if p.client, err = r.open(ctx); err != nil && p.client != nil {
		p.client.close()
		err = p.client.wrap(err)
	}
	return p, err
}

// all is the order of a push: what is named comes before what names it.
func (p *push) all(ctx context.Context) (ocispec.Descriptor, error) {
	images, err := p.layers(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	for _, img := range images {
		config := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: img.ConfigDigest, Size: int64(len(img.RawConfig))}
		if err := p.bytes(ctx, config, img.RawConfig); err != nil {
			return ocispec.Descriptor{}, err
		}
		if err := p.manifest(ctx, img.Descriptor(), img.RawManifest); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
	root, raw := images[0].Descriptor(), images[0].RawManifest
	if len(images) > 1 {
		index, err := image.NewIndex(images)
		if err != nil {
			return ocispec.Descriptor{}, &localError{err}
		}
		root, raw = index.Descriptor(), index.Raw
		if err := p.manifest(ctx, root, raw); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
	if err := p.describe(ctx, images, root.Digest); err != nil {
		return ocispec.Descriptor{}, err
	}
	if err := p.attach(ctx, images, root); err != nil {
		return ocispec.Descriptor{}, err
	}
	for _, tag := range p.Tags {
		if err := p.tag(ctx, root, raw, tag); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
	return root, p.cache.evict(p.CacheSize)
}

// describe has the documents made about each image, and about their index.
func (p *push) describe(ctx context.Context, images []*image.Image, root digest.Digest) error {
	if len(images) > 1 && p.DescribeIndex != nil {
		list, err := p.DescribeIndex(ctx, root)
		if err != nil {
			return &localError{err}
		}
		p.Attach = slices.Concat(p.Attach, list)
	}
	if p.Describe == nil {
		return nil
	}
	for _, img := range images {
		list, err := p.Describe(ctx, img)
		if err != nil {
			return &localError{err}
		}
		for _, a := range list {
			if len(images) > 1 {
				a.Platform = img.Config().Platform
			}
			p.Attach = append(slices.Clip(p.Attach), a)
		}
	}
	return nil
}

// manifest pushes a manifest or an index that is not there, under its digest.
func (p *push) manifest(ctx context.Context, desc ocispec.Descriptor, raw []byte) error {
	return p.step(ctx, "sending the manifest "+desc.Digest.String(), func(ctx context.Context) error {
		store := p.client.repo.Manifests()
		if there, err := store.Exists(ctx, desc); err != nil || there {
			return err
		}
		if err := store.Push(ctx, desc, bytes.NewReader(raw)); err != nil {
			return err
		}
		return p.holds(ctx, desc)
	})
}

// tag gives a name to a manifest that is there. One that has the name is not named again: some registries refuse.
func (p *push) tag(ctx context.Context, desc ocispec.Descriptor, raw []byte, tag string) error {
	return p.step(ctx, fmt.Sprintf("setting the tag %q", tag), func(ctx context.Context) error {
		store := p.client.repo.Manifests()
		before, err := store.Resolve(ctx, tag)
		if err == nil && before.Digest == desc.Digest {
			return nil
		}
		if err != nil && !errors.Is(err, errdef.ErrNotFound) {
			return err
		}
		if err := store.PushReference(ctx, desc, bytes.NewReader(raw), tag); err != nil {
			return err
		}
		return p.tagged(ctx, desc, tag, before.Digest)
	})
}

// holds asks once for a manifest that was pushed: a registry, or a proxy before it, may say that it has taken what it has not
// kept.
func (p *push) holds(ctx context.Context, desc ocispec.Descriptor) error {
	_, err := p.client.repo.Manifests().Resolve(ctx, desc.Digest.String())
	if errors.Is(err, errdef.ErrNotFound) {
		return &notStoredError{desc.Digest.String()}
	}
	return err
}

// tagged asks once for a tag that was set. One that has become neither what it was before nor what was pushed is another
// push's, which came behind.
func (p *push) tagged(ctx context.Context, desc ocispec.Descriptor, tag string, before digest.Digest) error {
	store := p.client.repo.Manifests()
	after, err := store.Resolve(ctx, tag)
	if err == nil && after.Digest != desc.Digest {
		if after.Digest == before {
			return &notStoredError{tag}
		}
		return p.holds(ctx, desc)
	}
	if errors.Is(err, errdef.ErrNotFound) {
		return &notStoredError{tag}
	}
	return err
}

// notStoredError reports that a registry does not have what it has taken.
type notStoredError struct{ name string } // a tag or a digest

func (e *notStoredError) Error() string {
	return fmt.Sprintf("the registry has taken the manifest %q, and does not have it when it is asked", e.name)
}

// step does something, again where that helps, and says what it was when it fails.
func (p *push) step(ctx context.Context, doing string, do func(context.Context) error) error {
	if err := p.retry(ctx, do); err != nil {
		return &step{doing, err}
	}
	return nil
}

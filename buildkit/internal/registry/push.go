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

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// PushRequest says what to push and where. Images, Repository, Tags and Cache must be set.
type PushRequest struct {
	// Images is one image, or those of several platforms, which become an index.
	Images []*image.Image
	// Repository like "registry.example/acme/hello". Without a registry it means Docker Hub.
	Repository string
	// Tags are the names in the repository, like "latest". They are set last, after everything else.
	Tags []string
	// Attach are documents about the image, pushed as its referrers.
	Attach []Attachment
	// Describe makes further documents about each image. It is called after the image's manifest, which names the compressed
	// layers, is in the registry. nil makes none.
	Describe func(ctx context.Context, img *image.Image) ([]Attachment, error)
	// DescribeIndex makes documents about the index of several images. It is called after the index is in the registry. These
	// are the only documents that a query for the referrers of a tag returns. nil makes none.
	DescribeIndex func(ctx context.Context, index digest.Digest) ([]Attachment, error)

	// Compression of the layers. Default: [Gzip]. A layer with a compressed [image.Layer.Blob] is sent as that blob.
	Compression Compression
	// Cache is a folder of compressed layers, for this push and later ones. It is created if missing.
	Cache string
	// CacheSize limits the folder, in bytes. Default: [DefaultCacheSize].
	CacheSize int64

	// Credentials says where to look for logins. Default: nowhere.
	Credentials Credentials
	// CAFile is a PEM file of certificate authorities to trust in addition to the system's.
	CAFile string
	// PlainHTTP turns TLS off. By default it is off only for registries on this machine (localhost, 127.0.0.1, ::1) that do
	// not speak it.
	PlainHTTP bool

	// Parallel is how many layers are compressed and sent at once. Default: 4.
	Parallel int
	// Retries is how often a step is retried after a broken connection or an answer that means busy or broken (408, 429,
	// 5xx). Default: [DefaultRetries].
	Retries int
	// Wait is the approximate wait before the first retry. It doubles each time. A longer Retry-After wins. Default:
	// [DefaultWait].
	Wait time.Duration

	// Answer limits the time until the registry answers a complete request, and Move the time in which it takes no byte of a
	// blob. After that the step is retried, at most twice. Defaults: [stall.DefaultAnswer], [stall.DefaultMove].
	Answer, Move time.Duration

	// Progress receives the progress of uploads. It is called often, by one goroutine at a time. nil ignores it.
	Progress func(Progress)

	reached *atomic.Bool // the registry has answered
}

// Pushed is the result of a push.
type Pushed struct {
	Reference string        // "registry.example/acme/hello:1@sha256:…", with the first tag
	Digest    digest.Digest // of the manifest, or of the index
	Progress                // at the end
}

// Push brings images into a registry. It sends only what the registry lacks. It fails with an [*Error] if the registry
// cannot be reached or refuses, if a layer cannot be read or cached, and if ctx ends, which ends all transfers at once. It
// fails with other errors if the request is invalid. After a failure, uploaded blobs stay in the registry, and the tags are
// unchanged.
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

// push is one running push.
type push struct {
	PushRequest
	client  *client
	cache   cache
	counter *counter
}

// begin checks the request before anything is sent.
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

// all pushes everything in order: a blob or manifest comes before what refers to it.
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

// describe adds the documents about each image and about their index to p.Attach.
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

// manifest pushes a manifest or an index under its digest, unless it exists.
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

// tag sets a tag on a manifest that the registry has. It does nothing if the tag is set: some registries refuse to set it
// again.
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

// holds checks once that the registry has a manifest that was pushed. A registry, or a proxy in front of it, may accept a
// manifest and not store it.
func (p *push) holds(ctx context.Context, desc ocispec.Descriptor) error {
	_, err := p.client.repo.Manifests().Resolve(ctx, desc.Digest.String())
	if errors.Is(err, errdef.ErrNotFound) {
		return &notStoredError{desc.Digest.String()}
	}
	return err
}

// tagged checks once that a tag was set. If the tag is neither what it was before nor what was pushed, another push has set
// it since, which is no error.
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

// notStoredError reports that a registry does not have a manifest that it has accepted.
type notStoredError struct{ name string } // a tag or a digest

func (e *notStoredError) Error() string {
	return fmt.Sprintf("the registry has accepted the manifest %q, but does not have it", e.name)
}

// step calls do, and retries where that helps. Its error names the step.
func (p *push) step(ctx context.Context, doing string, do func(context.Context) error) error {
	if err := p.retry(ctx, do); err != nil {
		return &step{doing, err}
	}
	return nil
}

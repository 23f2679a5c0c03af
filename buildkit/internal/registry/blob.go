package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// layers brings the layers of all images into the repository, each once, several at a time. It returns the images with the
// descriptors that their layers have there.
func (p *push) layers(ctx context.Context) ([]*image.Image, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	sent := map[digest.Digest]*image.Blob{}
	var layers []*image.Layer
	for _, img := range p.Images {
		for _, l := range img.Layers {
			if key := keyOf(l); sent[key] == nil {
				sent[key] = &image.Blob{}
				layers = append(layers, l)
			}
		}
	}
	err := fsx.Each(ctx, len(layers), p.Parallel, func(ctx context.Context, i int) error {
		blob, err := p.layer(ctx, layers[i])
		if err != nil {
			stop(err) // ends the others, whose errors do not matter
		}
		*sent[keyOf(layers[i])] = blob
		return err
	})
	if err != nil {
		return nil, context.Cause(ctx)
	}
	return p.withBlobs(sent)
}

// keyOf returns the key that identifies a layer. The diff ID is not enough for compressed layers: two bases may have
// compressed the same tar differently.
func keyOf(l *image.Layer) digest.Digest {
	if isPacked(l.Blob) {
		return l.Blob.Digest
	}
	return l.DiffID
}

// isPacked reports whether a layer came compressed. One that came as a plain tar is compressed like the image's own layers.
func isPacked(b *image.Blob) bool {
	return b != nil && b.MediaType != ocispec.MediaTypeImageLayer && b.MediaType != dockerLayer
}

// dockerLayer is Docker's media type of a layer that is not compressed.
const dockerLayer = "application/vnd.docker.image.rootfs.diff.tar"

// withBlobs returns the images with the blobs that their layers are in the registry.
func (p *push) withBlobs(sent map[digest.Digest]*image.Blob) ([]*image.Image, error) {
	var images []*image.Image
	for _, img := range p.Images {
		var blobs []image.Blob
		for _, l := range img.Layers {
			blobs = append(blobs, *sent[keyOf(l)])
		}
		img, err := img.WithBlobs(blobs)
		if err != nil {
			return nil, &localError{err}
		}
		images = append(images, img)
	}
	return images, nil
}

// layer brings one layer into the repository.
func (p *push) layer(ctx context.Context, l *image.Layer) (image.Blob, error) {
	if isPacked(l.Blob) {
		return *l.Blob, p.origin(ctx, *l.Blob)
	}
	desc, known := p.cache.known(l.DiffID)
	if known {
		there, err := p.have(ctx, desc)
		if err != nil || there {
			return blobOf(desc), err
		}
	}
	desc, path, err := p.cache.file(ctx, l)
	if err != nil {
		return image.Blob{}, &localError{err}
	}
	open := func(ctx context.Context) (io.ReadCloser, error) {
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) { // another run has evicted it
			if _, path, err = p.cache.file(ctx, l); err == nil {
				f, err = os.Open(path)
			}
		}
		return f, err
	}
	return blobOf(desc), p.send(ctx, desc, open, p.cache.repositories(desc.Digest))
}

func blobOf(desc ocispec.Descriptor) image.Blob {
	return image.Blob{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size}
}

// origin brings a compressed layer of a base image into the repository.
func (p *push) origin(ctx context.Context, b image.Blob) error {
	desc := ocispec.Descriptor{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size}
	repositories := p.cache.repositories(b.Digest)
	if b.Repository != "" {
		repositories = append([]string{b.Repository}, repositories...)
	}
	if b.Open == nil {
		return &localError{fmt.Errorf("sending the blob %s: its bytes are not available", b.Digest)}
	}
	return p.send(ctx, desc, b.Open, repositories)
}

// bytes brings a small blob into the repository.
func (p *push) bytes(ctx context.Context, desc ocispec.Descriptor, content []byte) error {
	open := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	return p.send(ctx, desc, open, p.cache.repositories(desc.Digest))
}

// have reports whether the repository has a blob.
func (p *push) have(ctx context.Context, desc ocispec.Descriptor) (there bool, err error) {
	err = p.step(ctx, "asking for the blob "+desc.Digest.String(), func(ctx context.Context) error {
		there, err = p.client.repo.Blobs().Exists(ctx, desc)
		return err
	})
	return there, p.noted(there, desc, err)
}

// noted notes in the cache that the repository has a blob, unless err is set or the blob is not there.
func (p *push) noted(there bool, desc ocispec.Descriptor, err error) error {
	if err != nil || !there {
		return err
	}
	if err := p.cache.note(desc.Digest, p.client.name); err != nil {
		return &localError{fmt.Errorf("caching compressed layers: %w", err)}
	}
	return nil
}

// send makes sure that the repository has a blob: it may exist there, be mounted from another repository, or be uploaded.
// Each try starts from the beginning.
func (p *push) send(ctx context.Context, desc ocispec.Descriptor, open func(context.Context) (io.ReadCloser, error), repositories []string) error {
	err := p.step(ctx, "sending the blob "+desc.Digest.String(), func(ctx context.Context) error {
		there, err := p.client.repo.Blobs().Exists(ctx, desc)
		if err != nil || there {
			return err
		}
		content := func() (io.ReadCloser, error) {
			r, err := open(ctx)
			if err != nil {
				return nil, &localError{fmt.Errorf("reading the layer: %w", err)}
			}
			return p.counter.count(r, desc), nil
		}
		if from := p.sibling(repositories); from != "" {
			return p.mount(ctx, desc, from, content)
		}
		return p.upload(ctx, desc, content)
	})
	return p.noted(true, desc, err)
}

// upload sends all bytes of a blob.
func (p *push) upload(ctx context.Context, desc ocispec.Descriptor, content func() (io.ReadCloser, error)) (err error) {
	r, err := content()
	if err != nil {
		return err
	}
	err = p.client.repo.Blobs().Push(ctx, desc, r)
	if err != nil {
		p.counter.undo(r)
	}
	return errors.Join(err, r.Close())
}

// mount asks the registry to mount the blob from another repository. A registry that does not mount it takes the bytes in
// the same upload. If the request itself fails, the blob is uploaded as usual.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#mounting-a-blob-from-another-repository
func (p *push) mount(ctx context.Context, desc ocispec.Descriptor, from string, content func() (io.ReadCloser, error)) error {
	var opened io.ReadCloser
	err := p.client.repo.Mount(ctx, desc, from, func() (r io.ReadCloser, err error) {
		if r, err = content(); err == nil {
			opened = r
		}
		return r, err
	})
	switch {
	case err == nil:
		return nil
	case opened != nil:
		p.counter.undo(opened)
		return err
	case ctx.Err() != nil || localOf(err) != nil:
		return err
	}
	return p.upload(ctx, desc, content)
}

// sibling returns the first of some repositories that is another one of the same registry, without the registry's name;
// "" if there is none.
func (p *push) sibling(repositories []string) string {
	for _, name := range repositories {
		named, err := reference.ParseNormalizedNamed(strings.TrimSpace(name))
		if err == nil && reference.Domain(named) == p.client.repo.Reference.Registry && reference.Path(named) != p.client.repo.Reference.Repository {
			return reference.Path(named)
		}
	}
	return ""
}

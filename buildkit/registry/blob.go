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

	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
)

// layers brings the layers of all images into the repository, each once, several at a time, and returns the images as
// they are named there.
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
	return p.named(sent)
}

// keyOf tells layers apart: the same tar may come from two bases that have compressed it differently.
func keyOf(l *image.Layer) digest.Digest {
	if isPacked(l.Blob) {
		return l.Blob.Digest
	}
	return l.DiffID
}

// isPacked tells whether a layer was found compressed. One that was found as a plain tar is compressed like our own.
func isPacked(b *image.Blob) bool {
	return b != nil && b.MediaType != ocispec.MediaTypeImageLayer && b.MediaType != dockerLayer
}

// dockerLayer is Docker's media type of a layer that is not compressed.
const dockerLayer = "application/vnd.docker.image.rootfs.diff.tar"

// named are the images with what their layers are in the registry.
func (p *push) named(sent map[digest.Digest]*image.Blob) ([]*image.Image, error) {
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
		if errors.Is(err, os.ErrNotExist) { // another run has tidied up
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

// origin brings a layer into the repository that a base image has brought along.
func (p *push) origin(ctx context.Context, b image.Blob) error {
	desc := ocispec.Descriptor{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size}
	repositories := p.cache.repositories(b.Digest)
	if b.Repository != "" {
		repositories = append([]string{b.Repository}, repositories...)
	}
	if b.Open == nil {
		return &localError{fmt.Errorf("sending the blob %s: nothing gives its bytes", b.Digest)}
	}
	return p.send(ctx, desc, b.Open, repositories)
}

// bytes brings a small blob into the repository.
func (p *push) bytes(ctx context.Context, desc ocispec.Descriptor, content []byte) error {
	open := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	return p.send(ctx, desc, open, p.cache.repositories(desc.Digest))
}

// have asks whether the repository has a blob.
func (p *push) have(ctx context.Context, desc ocispec.Descriptor) (there bool, err error) {
	err = p.step(ctx, "asking for the blob "+desc.Digest.String(), func(ctx context.Context) error {
		there, err = p.client.repo.Blobs().Exists(ctx, desc)
		return err
	})
	return there, p.noted(there, desc, err)
}

// noted keeps that the repository has a blob.
func (p *push) noted(there bool, desc ocispec.Descriptor, err error) error {
	if err != nil || !there {
		return err
	}
	if err := p.cache.note(desc.Digest, p.client.name); err != nil {
		return &localError{fmt.Errorf("keeping compressed layers: %w", err)}
	}
	return nil
}

// send brings a blob into the repository: it may be there, be taken over from another one, or be sent. Each try begins
// at the beginning.
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

// upload sends all bytes.
func (p *push) upload(ctx context.Context, desc ocispec.Descriptor, content func() (io.ReadCloser, error)) (err error) {
	r, err := content()
	if err != nil {
		return err
	}
	err = p.client.repo.Blobs().Push(ctx, desc, r)
	if err != nil {
		p.counter.lost(r)
	}
	return errors.Join(err, r.Close())
}

// mount asks the registry to take the blob over from another repository. One that does not wants the bytes at once;
// one that must not be asked gets them in the usual way.
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
		p.counter.lost(opened)
		return err
	case ctx.Err() != nil || localOf(err) != nil:
		return err
	}
	return p.upload(ctx, desc, content)
}

// sibling is the first of some repositories that is another one of the same registry, without the registry's name.
func (p *push) sibling(repositories []string) string {
	for _, name := range repositories {
		named, err := reference.ParseNormalizedNamed(strings.TrimSpace(name))
		if err == nil && reference.Domain(named) == p.client.repo.Reference.Registry && reference.Path(named) != p.client.repo.Reference.Repository {
			return reference.Path(named)
		}
	}
	return ""
}

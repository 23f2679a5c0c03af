package base

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// The media types of Docker's manifests (https://github.com/distribution/distribution/blob/v3.0.0/docs/content/spec/manifest-v2-2.md).
const (
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
)

// fetcher opens the blob that a descriptor describes.
type fetcher func(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error)

// document reads a small blob and checks its digest.
func (f fetcher) document(ctx context.Context, d ocispec.Descriptor) (text []byte, err error) {
	if err := d.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("reading %.100q: %w", d.Digest, err)
	}
	if d.Size > maxDocument {
		return nil, fmt.Errorf("reading %s: %d bytes are too many for a document", d.Digest, d.Size)
	}
	body, err := f(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", d.Digest, err)
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if text, err = io.ReadAll(io.LimitReader(body, maxDocument+1)); err != nil {
		return nil, fmt.Errorf("reading %s: %w", d.Digest, err)
	}
	if d.Digest.Algorithm().FromBytes(text) != d.Digest {
		return nil, broken("reading %s: its bytes do not match the digest", d.Digest)
	}
	if err := plainDocument(text); err != nil {
		return nil, fmt.Errorf("reading %s: %w", d.Digest, err)
	}
	return text, nil
}

// choose finds the image of a platform in an archive or layout. Without a tag there must be only one image.
func choose(ctx context.Context, s store, tag string, p image.Platform) (candidate, error) {
	text, err := small(s, ocispec.ImageIndexFile)
	if errors.Is(err, fs.ErrNotExist) {
		return chooseDocker(s, tag)
	}
	if err != nil {
		return candidate{}, err
	}
	var index ocispec.Index
	if err := json.Unmarshal(text, &index); err != nil {
		return candidate{}, fmt.Errorf("reading %s: %w", ocispec.ImageIndexFile, err)
	}
	named, err := tagged(index.Manifests, tag)
	if err != nil {
		return candidate{}, err
	}
	fetch := func(_ context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
		body, size, err := s.open("blobs/" + d.Digest.Algorithm().String() + "/" + d.Digest.Encoded())
		if err == nil && size != d.Size {
			return nil, errors.Join(broken("the blob %s has %d bytes, not %d", d.Digest, size, d.Size), body.Close())
		}
		return body, err
	}
	return pick(ctx, fetch, named, p)
}

func small(s store, name string) (text []byte, err error) {
	body, size, err := s.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if size > maxDocument {
		return nil, fmt.Errorf("%q has %d bytes, which is too much for a document", name, size)
	}
	if text, err = io.ReadAll(io.LimitReader(body, maxDocument)); err != nil {
		return nil, err
	}
	if err := plainDocument(text); err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return text, nil
}

// tagged returns the descriptors with a tag in their annotations. Without a tag it returns all, if they belong to one image.
func tagged(all []ocispec.Descriptor, tag string) ([]ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	var names []string
	known := map[string]bool{}
	for _, d := range all {
		short, full := d.Annotations[ocispec.AnnotationRefName], d.Annotations["io.containerd.image.name"]
		if tag != "" && (short == tag || full == tag || strings.HasSuffix(full, "/"+tag)) {
			found = append(found, d)
		}
		if name := firstOf(full, short, d.Digest.String()); !known[name] {
			known[name] = true
			names = append(names, name)
		}
	}
	if tag == "" {
		found = all
	}
	distinct := slices.CompactFunc(slices.Clone(found), func(a, b ocispec.Descriptor) bool { return a.Digest == b.Digest })
	switch {
	case len(all) == 0:
		return nil, errors.New("there is no image in it")
	case len(found) == 0:
		return nil, plaintext.Errorf("it has no image %q, it has %s\nfix: name one of them", tag, listed(names))
	case len(distinct) > 1 && !slices.ContainsFunc(found, func(d ocispec.Descriptor) bool { return d.Platform != nil }):
		return nil, plaintext.Errorf("it has several images: %s\nfix: add the tag of one after a colon", listed(names))
	case len(distinct) > 1 && tag == "" && len(names) > 1 && samePlatform(distinct):
		return nil, plaintext.Errorf("it has several images: %s\nfix: add the tag of one after a colon", listed(names))
	}
	return distinct, nil
}

// samePlatform reports whether two descriptors have the same platform.
func samePlatform(list []ocispec.Descriptor) bool {
	seen := map[image.Platform]bool{}
	for _, d := range list {
		if d.Platform == nil {
			continue
		}
		p := platformOf(d.Platform)
		if seen[p] {
			return true
		}
		seen[p] = true
	}
	return false
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

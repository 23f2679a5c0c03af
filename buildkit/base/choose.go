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

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/image"
)

// maxDocument bounds a manifest, an index and a configuration, in bytes, as registries do.
const maxDocument = 4 << 20

// The media types of Docker's manifests (https://github.com/distribution/distribution/blob/v3.0.0/docs/content/spec/manifest-v2-2.md).
const (
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
)

// fetcher gives what a descriptor describes.
type fetcher func(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error)

// document reads a small blob, and compares it with its digest.
func (f fetcher) document(ctx context.Context, d ocispec.Descriptor) (text []byte, err error) {
	if err := d.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("reading %q: %w", d.Digest, err)
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
		return nil, broken("reading %s: its bytes are others", d.Digest)
	}
	return text, nil
}

// choose finds the image of a platform in an archive or layout: that of a tag, or without one the only one.
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
		body, _, err := s.open("blobs/" + d.Digest.Algorithm().String() + "/" + d.Digest.Encoded())
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
	return io.ReadAll(io.LimitReader(body, maxDocument))
}

// tagged are the descriptors of a tag, by the annotations that layouts and archives have; without one all, when they are of one
// image.
func tagged(all []ocispec.Descriptor, tag string) ([]ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	var names []string
	for _, d := range all {
		short, full := d.Annotations[ocispec.AnnotationRefName], d.Annotations["io.containerd.image.name"]
		if tag != "" && (short == tag || full == tag || strings.HasSuffix(full, "/"+tag)) {
			found = append(found, d)
		}
		if name := firstOf(full, short, d.Digest.String()); !slices.Contains(names, name) {
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
		return nil, fmt.Errorf("it has no image %q, it has %s\nfix: name one of them", tag, strings.Join(names, ", "))
	case len(distinct) > 1 && !slices.ContainsFunc(found, func(d ocispec.Descriptor) bool { return d.Platform != nil }):
		return nil, fmt.Errorf("it has several images: %s\nfix: name the tag of one behind a colon", strings.Join(names, ", "))
	case len(distinct) > 1 && tag == "" && len(names) > 1 && samePlatform(distinct):
		return nil, fmt.Errorf("it has several images: %s\nfix: name the tag of one behind a colon", strings.Join(names, ", "))
	}
	return distinct, nil
}

// samePlatform tells whether two descriptors are of one platform.
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

// manifest is an image's manifest among others.
type manifest struct {
	descriptor ocispec.Descriptor
	document   ocispec.Manifest
	config     []byte
	platform   image.Platform
}

// pick chooses the manifest of a platform below some descriptors.
func pick(ctx context.Context, fetch fetcher, list []ocispec.Descriptor, p image.Platform) (candidate, error) {
	s := selection{fetch: fetch, wanted: p}
	for _, d := range list {
		if err := s.look(ctx, d, 0); err != nil {
			return candidate{}, err
		}
	}
	if s.best == nil {
		return candidate{}, wrongPlatform(s.there, p)
	}
	m := s.best
	c := candidate{record: record{Config: m.config, Digest: m.descriptor.Digest}}
	for _, l := range m.document.Layers {
		if err := l.Digest.Validate(); err != nil {
			return candidate{}, fmt.Errorf("reading the manifest %s: the layer %q: %w", m.descriptor.Digest, l.Digest, err)
		}
		if l.Size < 0 {
			return candidate{}, fmt.Errorf("reading the manifest %s: the layer %s has %d bytes", m.descriptor.Digest, l.Digest, l.Size)
		}
		c.Blobs = append(c.Blobs, blobRecord{l.MediaType, l.Digest, l.Size})
		c.blobs = append(c.blobs, image.Blob{MediaType: l.MediaType, Digest: l.Digest, Size: l.Size,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return fetch(ctx, l) }})
	}
	return c, nil
}

// selection looks for the best manifest.
type selection struct {
	fetch  fetcher
	wanted image.Platform
	best   *manifest
	there  []image.Platform
	seen   int
}

// The depth and the number of documents that an index may lead to: real ones have one level and some platforms.
const (
	maxDepth     = 4
	maxManifests = 1000
)

// look looks at a descriptor: at an index for what is in it, at a manifest only if it may be better.
func (s *selection) look(ctx context.Context, d ocispec.Descriptor, depth int) error {
	if s.seen++; depth > maxDepth || s.seen > maxManifests {
		return errors.New("its index leads to too many others")
	}
	if d.Platform != nil && d.MediaType != ocispec.MediaTypeImageIndex && d.MediaType != dockerList {
		p := platformOf(d.Platform)
		if p.OS == "unknown" { // the attestations of buildkit
			return nil
		}
		if rank(p, s.wanted) == 0 || s.best != nil && rank(p, s.wanted) <= rank(s.best.platform, s.wanted) {
			s.there = append(s.there, p)
			return nil
		}
	}
	text, err := s.fetch.document(ctx, d)
	if errors.Is(err, fs.ErrNotExist) && depth > 0 && d.Platform == nil {
		return nil // an archive may have one platform's image, and the index of all
	}
	if err != nil {
		return err
	}
	var index ocispec.Index
	if err := json.Unmarshal(text, &index); err != nil {
		return fmt.Errorf("reading %s: %w", d.Digest, err)
	}
	if len(index.Manifests) > 0 || d.MediaType == ocispec.MediaTypeImageIndex || d.MediaType == dockerList {
		for _, below := range index.Manifests {
			if err := s.look(ctx, below, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return s.consider(ctx, d, text)
}

// consider takes a manifest when it is the best so far.
func (s *selection) consider(ctx context.Context, d ocispec.Descriptor, text []byte) error {
	m := manifest{descriptor: d}
	if err := json.Unmarshal(text, &m.document); err != nil {
		return fmt.Errorf("reading the manifest %s: %w", d.Digest, err)
	}
	var err error
	if m.config, err = s.fetch.document(ctx, m.document.Config); err != nil {
		return fmt.Errorf("reading the configuration of the manifest %s: %w", d.Digest, err)
	}
	parsed, err := image.ParseBase(m.config, nil)
	if err != nil {
		return err
	}
	m.platform = parsed.Platform()
	s.there = append(s.there, m.platform)
	if r := rank(m.platform, s.wanted); r > 0 && (s.best == nil || r > rank(s.best.platform, s.wanted)) {
		s.best = &m
	}
	return nil
}

// dockerEntry is an image of the manifest.json that "docker save" writes.
type dockerEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// chooseDocker finds an image in an archive of docker before 25, podman or skopeo.
func chooseDocker(s store, tag string) (candidate, error) {
	text, err := small(s, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return candidate{}, errors.New("there is neither an index.json nor a manifest.json in it\nfix: write it by \"docker save\", \"podman save\" or skopeo")
	}
	if err != nil {
		return candidate{}, err
	}
	var list []dockerEntry
	if err := json.Unmarshal(text, &list); err != nil {
		return candidate{}, fmt.Errorf("reading manifest.json: %w", err)
	}
	var names []string
	var found []dockerEntry
	for _, e := range list {
		names = append(names, e.RepoTags...)
		if tag == "" || slices.ContainsFunc(e.RepoTags, func(t string) bool { return t == tag || strings.HasSuffix(t, ":"+tag) || strings.HasSuffix(t, "/"+tag) }) {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		return candidate{}, fmt.Errorf("it has %d images of that name, of %s\nfix: name the tag of one behind a colon", len(found), strings.Join(names, ", "))
	}
	return dockerImage(s, found[0])
}

func dockerImage(s store, e dockerEntry) (candidate, error) {
	config, err := small(s, e.Config)
	if err != nil {
		return candidate{}, fmt.Errorf("reading the configuration: %w", err)
	}
	// Archives name it by its digest; older ones too, with ".json" behind.
	if hex, ok := strings.CutSuffix(e.Config, ".json"); ok && digest.NewDigestFromEncoded(digest.SHA256, hex).Validate() == nil &&
		digest.FromBytes(config).Encoded() != hex {
		return candidate{}, broken("the configuration is not %s", hex)
	}
	c := candidate{record: record{Config: config}}
	for _, name := range e.Layers {
		body, size, err := s.open(name)
		if err == nil {
			err = body.Close()
		}
		if err != nil {
			return candidate{}, fmt.Errorf("reading the layers: %w", err)
		}
		c.blobs = append(c.blobs, image.Blob{Size: size, Open: func(context.Context) (io.ReadCloser, error) {
			body, _, err := s.open(name)
			return body, err
		}})
	}
	return c, nil
}

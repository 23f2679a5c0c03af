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
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// manifest is a manifest that may be chosen.
type manifest struct {
	descriptor ocispec.Descriptor
	document   ocispec.Manifest
	config     []byte
	platform   image.Platform
}

// pick chooses the manifest for a platform from descriptors of manifests and indexes.
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
			return candidate{}, fmt.Errorf("reading the manifest %s: the layer %.100q: %w", m.descriptor.Digest, l.Digest, err)
		}
		if l.Size < 0 {
			return candidate{}, fmt.Errorf("reading the manifest %s: the layer %s has %d bytes", m.descriptor.Digest, l.Digest, l.Size)
		}
		kind := ociType(l.MediaType)
		c.Blobs = append(c.Blobs, blobRecord{kind, l.Digest, l.Size})
		c.blobs = append(c.blobs, image.Blob{MediaType: kind, Digest: l.Digest, Size: l.Size,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return fetch(ctx, l) }})
	}
	return c, nil
}

// ociType returns the OCI media type of a layer, for use in an OCI manifest. The bytes are the same as for Docker's type
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md#compatibility-matrix).
func ociType(mediaType string) string {
	switch rest, docker := strings.CutPrefix(mediaType, "application/vnd.docker.image.rootfs.diff.tar"); {
	case !docker:
		return mediaType
	case rest == "":
		return ocispec.MediaTypeImageLayer
	default:
		return ocispec.MediaTypeImageLayer + "+" + strings.TrimPrefix(rest, ".")
	}
}

// selection looks for the best manifest.
type selection struct {
	fetch  fetcher
	wanted image.Platform
	best   *manifest
	there  []image.Platform // all platforms that were found
	seen   int              // descriptors
}

// The depth and the number of documents below an index. Real ones have one level and some platforms.
const (
	maxDepth     = 4
	maxManifests = 1000
)

// look examines a descriptor. It follows an index, and reads a manifest only if it may be better than the best so far.
func (s *selection) look(ctx context.Context, d ocispec.Descriptor, depth int) error {
	if s.seen++; depth > maxDepth || s.seen > maxManifests {
		return errors.New("its index leads to too many others")
	}
	if d.Platform != nil && d.MediaType != ocispec.MediaTypeImageIndex && d.MediaType != dockerList {
		p := platformOf(d.Platform)
		if p.OS == "unknown" { // an attestation of moby/buildkit
			return nil
		}
		if platform.Rank(p, s.wanted) == 0 || s.best != nil && platform.Rank(p, s.wanted) <= platform.Rank(s.best.platform, s.wanted) {
			s.there = append(s.there, p)
			return nil
		}
	}
	text, err := s.fetch.document(ctx, d)
	if errors.Is(err, fs.ErrNotExist) && depth > 0 && d.Platform == nil {
		return nil // an archive may have the index of all platforms, but the image of only one
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

// consider keeps a manifest if it is the best so far.
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
	if r := platform.Rank(m.platform, s.wanted); r > 0 && (s.best == nil || r > platform.Rank(s.best.platform, s.wanted)) {
		s.best = &m
	}
	return nil
}

func platformOf(p *ocispec.Platform) image.Platform {
	return image.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
}

// wrongPlatform returns the error for a base that only has other platforms.
func wrongPlatform(there []image.Platform, wanted image.Platform) error {
	var names []string
	for _, p := range there {
		names = append(names, p.String())
	}
	slices.Sort(names)
	return plaintext.Errorf("it is for %s, and the image is for %s\nfix: set Platforms to one of these, or take a base that has %s",
		listed(slices.Compact(names)), wanted, wanted)
}

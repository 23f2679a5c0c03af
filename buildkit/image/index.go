package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Index is one name for images of several platforms: who pulls it gets the one for theirs. It is made by [NewIndex]
// and does not change.
type Index struct {
	// Raw is the index (application/vnd.oci.image.index.v1+json) and Digest its digest.
	Raw    []byte
	Digest digest.Digest
	// Images are the images in the order of the index.
	Images []*Image
}

// NewIndex puts images of different platforms together, and does no I/O. The order of the arguments does not matter:
// the same images give the same bytes. It fails when there is none, or two are for one platform.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md
func NewIndex(images []*Image) (*Index, error) {
	if len(images) == 0 || slices.Contains(images, nil) {
		return nil, errors.New("making an index: an image is missing")
	}
	ix := &Index{Images: slices.Clone(images)}
	slices.SortStableFunc(ix.Images, func(a, b *Image) int {
		return strings.Compare(a.config.Platform.String(), b.config.Platform.String())
	})
	doc := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, // the value that the specification fixes
		MediaType: ocispec.MediaTypeImageIndex,
	}
	for i, img := range ix.Images {
		if i > 0 && ix.Images[i-1].config.Platform == img.config.Platform {
			return nil, fmt.Errorf("making an index: two images are for %s\nfix: give one for each platform", img.config.Platform)
		}
		doc.Manifests = append(doc.Manifests, img.Descriptor())
	}
	var err error
	if ix.Raw, err = json.Marshal(doc); err != nil {
		return nil, fmt.Errorf("encoding the index: %w", err)
	}
	ix.Digest = digest.FromBytes(ix.Raw)
	return ix, nil
}

// Descriptor names the index.
func (ix *Index) Descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: ix.Digest, Size: int64(len(ix.Raw))}
}

// Descriptor names the image's manifest, with the platform that it is for.
func (img *Image) Descriptor() ocispec.Descriptor {
	p := img.config.Platform
	return ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageManifest, Digest: img.ManifestDigest, Size: int64(len(img.RawManifest)),
		Platform: &ocispec.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant},
	}
}

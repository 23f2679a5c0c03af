package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Index is one name for images of several platforms. A client pulls the image for its own platform. It is made by
// [NewIndex] and does not change.
type Index struct {
	// Raw is the index (application/vnd.oci.image.index.v1+json) and Digest its digest.
	Raw    []byte
	Digest digest.Digest
	// Images are the images in the order of the index.
	Images []*Image
}

// NewIndex combines images of different platforms. It does no I/O. Annotations that all images share are also the
// index's. The same images give the same bytes, whatever their order. It fails if there are no images, or if two are
// for one platform.
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
		MediaType: ocispec.MediaTypeImageIndex, Annotations: shared(images),
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

// shared returns the annotations that all images have.
func shared(images []*Image) map[string]string {
	all := maps.Clone(images[0].annotations)
	for _, img := range images[1:] {
		maps.DeleteFunc(all, func(key, value string) bool {
			v, ok := img.annotations[key]
			return !ok || v != value
		})
	}
	return all
}

// Descriptor returns the descriptor of the index.
func (ix *Index) Descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: ix.Digest, Size: int64(len(ix.Raw))}
}

// Descriptor returns the descriptor of the image's manifest, with its platform.
func (img *Image) Descriptor() ocispec.Descriptor {
	p := img.config.Platform
	return ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageManifest, Digest: img.ManifestDigest, Size: int64(len(img.RawManifest)),
		Platform: &ocispec.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant},
	}
}

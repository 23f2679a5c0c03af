package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Blob is a layer as a registry or a layout stores it: the layer's tar, compressed or not.
type Blob struct {
	MediaType string // from the OCI image specification, or Docker's equivalent
	Digest    digest.Digest
	Size      int64 // in bytes
	// Repository is a repository that has the blob, such as "registry.example/base/alpine". A push asks the registry to
	// mount the blob from there instead of sending it. Default: none is known.
	Repository string
	// Open returns the bytes. It may be called several times, also concurrently. If nil, the blob is the tar and
	// [Layer.WriteTo] streams it.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// blob returns the layer as an uncompressed blob.
func (l *Layer) blob() Blob {
	return Blob{MediaType: ocispec.MediaTypeImageLayer, Digest: l.DiffID, Size: l.Size}
}

// Blobs returns the layers as the manifest lists them, the lowest first.
func (img *Image) Blobs() []Blob { return slices.Clone(img.blobs) }

// WithBlobs returns the image, with the same configuration, and a manifest that lists these blobs as its layers, the
// lowest first. It fails unless there is one for each layer.
func (img *Image) WithBlobs(blobs []Blob) (*Image, error) {
	if len(blobs) != len(img.Layers) {
		return nil, fmt.Errorf("describing the image: %d blobs are not one for each of %d layers", len(blobs), len(img.Layers))
	}
	out := *img
	out.blobs = slices.Clone(blobs)
	return &out, out.describe()
}

// WithOrigins returns the image with each layer that has a [Layer.Blob] stored as that blob. The other layers are
// uncompressed.
func (img *Image) WithOrigins() (*Image, error) {
	var blobs []Blob
	for _, l := range img.Layers {
		if l.Blob != nil {
			blobs = append(blobs, *l.Blob)
			continue
		}
		blobs = append(blobs, l.blob())
	}
	return img.WithBlobs(blobs)
}

// WithAnnotations returns the image, with the same configuration, and a manifest that has these annotations.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md
func (img *Image) WithAnnotations(annotations map[string]string) (*Image, error) {
	out := *img
	out.annotations = maps.Clone(annotations)
	return &out, out.describe()
}

// describe writes the manifest, which lists the configuration and the blobs of the layers by digest.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
func (img *Image) describe() (err error) {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, // the value that the specification fixes
		MediaType: ocispec.MediaTypeImageManifest,
		Config: ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageConfig, Digest: img.ConfigDigest, Size: int64(len(img.RawConfig)),
		},
		Annotations: img.annotations,
	}
	for _, b := range img.blobs {
		if b.MediaType == "" || b.Digest == "" {
			return errors.New("describing the image: a blob has no media type, or no digest")
		}
		m.Layers = append(m.Layers, ocispec.Descriptor{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size})
	}
	if img.RawManifest, err = json.Marshal(m); err != nil {
		return fmt.Errorf("encoding the image's manifest: %w", err)
	}
	img.ManifestDigest = digest.FromBytes(img.RawManifest)
	return nil
}

package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Blob is a layer as a registry or a layout keeps it: the bytes that the layer's tar becomes by compression, or the
// tar itself.
type Blob struct {
	MediaType string // of the OCI image specification, or Docker's of the same meaning
	Digest    digest.Digest
	Size      int64 // in bytes
	// Repository is one that has the blob, "registry.example/base/alpine". A registry is asked to take the blob over
	// from there instead of having it sent. Default: none is known.
	Repository string
	// Open gives the bytes; it may be called several times, also at once. nil is that of [Layer.WriteTo]: the blob is
	// the tar.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// blob is the layer as it is kept without any compression.
func (l *Layer) blob() Blob {
	return Blob{MediaType: ocispec.MediaTypeImageLayer, Digest: l.DiffID, Size: l.Size}
}

// Blobs are what the manifest names as layers, the lowest first.
func (img *Image) Blobs() []Blob { return slices.Clone(img.blobs) }

// WithBlobs is the same image, with the same configuration, in a manifest that names these blobs as its layers, the
// lowest first. It fails when there is not one for each layer.
func (img *Image) WithBlobs(blobs []Blob) (*Image, error) {
	if len(blobs) != len(img.Layers) {
		return nil, fmt.Errorf("describing the image: %d blobs are not one for each of %d layers", len(blobs), len(img.Layers))
	}
	out := *img
	out.blobs = slices.Clone(blobs)
	return &out, out.describe()
}

// WithOrigins is the image with those layers as they were found elsewhere, compressed, that have a [Layer.Blob], and
// the others as they are.
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

// describe writes the manifest, which names the configuration and the blobs of the layers by digest.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
func (img *Image) describe() (err error) {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, // the value that the specification fixes
		MediaType: ocispec.MediaTypeImageManifest,
		Config: ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageConfig, Digest: img.ConfigDigest, Size: int64(len(img.RawConfig)),
		},
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

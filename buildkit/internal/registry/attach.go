package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// Attachment is a document about an image, such as a bill of materials or a provenance. A registry lists it among the
// image's referrers.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
type Attachment struct {
	ArtifactType string // media type of the document: "application/spdx+json"
	MediaType    string // of Content. Default: ArtifactType
	Content      []byte
	Annotations  map[string]string
	// Platform selects one image of several. The zero value means that the document is about the whole push.
	Platform image.Platform
}

// attach pushes the attachments in order, after the images. If the registry does not list referrers, they are listed under
// a tag of the specification's schema.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
func (p *push) attach(ctx context.Context, images []*image.Image, root ocispec.Descriptor) error {
	for _, a := range p.Attach {
		subject, err := a.subject(images, root)
		if err != nil {
			return &localError{err}
		}
		if err := p.attachTo(ctx, a, subject); err != nil {
			return err
		}
	}
	return nil
}

// subject returns the descriptor of the manifest that an attachment is about.
func (a Attachment) subject(images []*image.Image, root ocispec.Descriptor) (ocispec.Descriptor, error) {
	if a.ArtifactType == "" {
		return root, fmt.Errorf("attaching a document: it has no type")
	}
	if a.Platform == (image.Platform{}) {
		return root, nil
	}
	i := slices.IndexFunc(images, func(img *image.Image) bool { return img.Config().Platform == a.Platform })
	if i < 0 {
		return root, fmt.Errorf("attaching %q: there is no image for %s", a.ArtifactType, a.Platform)
	}
	return images[i].Descriptor(), nil
}

func (p *push) attachTo(ctx context.Context, a Attachment, subject ocispec.Descriptor) error {
	if a.MediaType == "" {
		a.MediaType = a.ArtifactType
	}
	content := ocispec.Descriptor{MediaType: a.MediaType, Digest: digest.FromBytes(a.Content), Size: int64(len(a.Content))}
	raw, err := a.manifest(content, subject)
	if err != nil {
		return &localError{err}
	}
	if err := p.bytes(ctx, ocispec.DescriptorEmptyJSON, ocispec.DescriptorEmptyJSON.Data); err != nil {
		return err
	}
	if err := p.bytes(ctx, content, a.Content); err != nil {
		return err
	}
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	return p.step(ctx, fmt.Sprintf("attaching %q", a.ArtifactType), func(ctx context.Context) error {
		// Push it even if it exists: the tag that lists it may be missing.
		if err := p.client.repo.Manifests().Push(ctx, desc, bytes.NewReader(raw)); err != nil {
			return err
		}
		return p.holds(ctx, desc)
	})
}

// manifest returns the manifest of the document. Unlike other tools' manifests it has no creation time, so that the same
// document about the same image stays one referrer, however often it is pushed.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage
func (a Attachment) manifest(content, subject ocispec.Descriptor) ([]byte, error) {
	subject.Platform, subject.Annotations = nil, nil
	empty := ocispec.DescriptorEmptyJSON
	empty.Data = nil // the registry has these bytes as a blob
	raw, err := json.Marshal(ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2}, // the value that the specification fixes
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: a.ArtifactType,
		Config:       empty, Layers: []ocispec.Descriptor{content}, Subject: &subject, Annotations: a.Annotations,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the manifest of %q: %w", a.ArtifactType, err)
	}
	return raw, nil
}

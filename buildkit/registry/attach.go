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

	"github.com/fromscratch-go/fromscratch/buildkit/image"
)

// Attachment is a document about an image: a list of what is in it, where it comes from. A registry lists it among the
// referrers of the image.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
type Attachment struct {
	ArtifactType string // what it is, as a media type: "application/spdx+json"
	MediaType    string // of Content. Default: ArtifactType
	Content      []byte
	Annotations  map[string]string
	// Platform is that of the image of several that it is about. The zero value: about what is pushed as a whole.
	Platform image.Platform
}

// attach pushes the attachments of what was pushed before, in order. Where the registry does not list referrers, a tag
// of the specification's schema does.
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

// subject is what an attachment is about.
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
		// Also when it is there: the tag that lists it may not be.
		if err := p.client.repo.Manifests().Push(ctx, desc, bytes.NewReader(raw)); err != nil {
			return err
		}
		return p.holds(ctx, desc)
	})
}

// manifest is that of the document. Unlike those of other tools it has no time of its making: the same document about
// the same image is one referrer, however often it is pushed.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage
func (a Attachment) manifest(content, subject ocispec.Descriptor) ([]byte, error) {
	subject.Platform, subject.Annotations = nil, nil
	empty := ocispec.DescriptorEmptyJSON
	empty.Data = nil // as the bytes are in the registry
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

package buildkit

import (
	"context"
	"maps"

	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/provenance"
)

// The keys of https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md#pre-defined-annotation-keys.
const (
	titleAnnotation    = "org.opencontainers.image.title"
	createdAnnotation  = "org.opencontainers.image.created"
	sourceAnnotation   = "org.opencontainers.image.source"
	revisionAnnotation = "org.opencontainers.image.revision"
	versionAnnotation  = "org.opencontainers.image.version"

	baseNameAnnotation   = "org.opencontainers.image.base.name"
	baseDigestAnnotation = "org.opencontainers.image.base.digest"
)

// Annotations are those of the manifest, or index, that is pushed or written to a layout,
// and of the entry of an archive: the image's title and base, and, when the Config wants
// them by Annotate, where it comes from. They are no labels: the image is the same from
// every commit, and labels of these names are its base's, or the user's own. What is not known is left out; a commit that
// is not all has "-dirty" behind it, and no version.
func (b *Built) Annotations(ctx context.Context) (map[string]string, error) {
	all := map[string]string{titleAnnotation: b.Plan.Name}
	if reference := b.Plan.BaseReference(); reference != "" {
		all[baseNameAnnotation] = reference
		// An engine with a graph driver does not know the manifest's.
		if b.Plan.Base.Digest != b.Plan.Base.ConfigDigest {
			all[baseDigestAnnotation] = b.Plan.Base.Digest.String()
		}
	}
	if !b.Plan.Supply.Annotate {
		return all, nil
	}
	checkout, err := b.checkout(ctx)
	if err != nil {
		return nil, err
	}
	if b.Plan.Epoch.Unix() != 0 {
		all[createdAnnotation] = b.Plan.Epoch.UTC().Format("2006-01-02T15:04:05Z")
	}
	for key, value := range map[string]string{
		sourceAnnotation: checkout.Remote, revisionAnnotation: checkout.Revision(), versionAnnotation: b.version(checkout),
	} {
		if value != "" {
			all[key] = value
		}
	}
	return all, nil
}

// version is that of the program: of its module, when that is another one than the
// user's own, else the tag of the commit.
func (b *Built) version(c provenance.Checkout) string {
	if info := b.buildInfo(); info != nil && versioned(&info.Main) {
		return info.Main.Version
	}
	return c.Tag
}

// annotated are the images with their annotations in the manifests; a Bare one has none.
// Neither a registry nor a layout knows an image by its manifest before it is there.
func (g platforms) annotated(ctx context.Context) ([]*image.Image, error) {
	images := g.images()
	for i, b := range g {
		if b.Plan.Supply.Bare {
			continue
		}
		annotations, err := b.Annotations(ctx)
		if err != nil {
			return nil, err
		}
		if images[i], err = images[i].WithAnnotations(annotations); err != nil {
			return nil, err
		}
	}
	return images, nil
}

// archived are the annotations of the entry in an archive: those that all platforms have.
// They are not in the manifest, by which an engine with the containerd image store knows
// the image that it loads. The base's digest is not among them: an engine that the base
// came from may not know it, and the archive is the same from every machine.
func (g platforms) archived(ctx context.Context) (map[string]string, error) {
	var all map[string]string
	for _, b := range g {
		if b.Plan.Supply.Bare {
			return nil, nil
		}
		own, err := b.Annotations(ctx)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = own
		}
		maps.DeleteFunc(all, func(key, value string) bool { return own[key] != value || key == baseDigestAnnotation })
	}
	return all, nil
}

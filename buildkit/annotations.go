package buildkit

import (
	"context"

	"github.com/fromscratch-go/fromscratch/buildkit/provenance"
)

// The keys of https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md#pre-defined-annotation-keys.
const (
	titleAnnotation    = "org.opencontainers.image.title"
	createdAnnotation  = "org.opencontainers.image.created"
	sourceAnnotation   = "org.opencontainers.image.source"
	revisionAnnotation = "org.opencontainers.image.revision"
	versionAnnotation  = "org.opencontainers.image.version"
)

// Annotations are those of the manifest, or index, that is pushed: the image's title
// and, when the Config wants them by Annotate, where it comes from. They are no labels:
// the image is the same from every commit. What is not known is left out; a commit that
// is not all has "-dirty" behind it, and no version.
func (b *Built) Annotations(ctx context.Context) (map[string]string, error) {
	all := map[string]string{titleAnnotation: b.Plan.Name}
	if !b.Plan.config.Annotate {
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

package describe

import (
	"context"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
)

// Annotations returns the annotations of a manifest or index that is pushed or written to a layout: the image's title and base, and,
// if the Config has AnnotationsGit, where it comes from. Unknown values are left out. The revision of a changed checkout ends with "-dirty",
// and there is no version then.
//
// They are not labels: the image is the same from every commit, and labels of these names belong to its base or to the user. The keys
// are those of https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md#pre-defined-annotation-keys.
func Annotations(ctx context.Context, r result.Result, notes report.Report) (map[string]string, error) {
	p := r.Plan
	all := map[string]string{ocispec.AnnotationTitle: p.Name}
	if reference := p.BaseReference(); reference != "" {
		all[ocispec.AnnotationBaseImageName] = reference
		// An engine with a graph driver does not know the manifest's digest.
		if p.Base.Digest != p.Base.ConfigDigest {
			all[ocispec.AnnotationBaseImageDigest] = p.Base.Digest.String()
		}
	}
	if p.Supply.Annotations != config.AnnotationsGit {
		return all, nil
	}
	commit, err := checkout(ctx, p, notes)
	if err != nil {
		return nil, err
	}
	if p.Config.Created.Unix() != 0 {
		all[ocispec.AnnotationCreated] = p.Config.Created.UTC().Format("2006-01-02T15:04:05Z")
	}
	version := commit.Tag
	if info := r.Program.BuildInfo(); info != nil && gobuild.Versioned(&info.Main) {
		version = info.Main.Version // the program is from another module than the user's
	}
	for key, value := range map[string]string{
		ocispec.AnnotationSource: commit.Remote, ocispec.AnnotationRevision: commit.Revision(), ocispec.AnnotationVersion: version,
	} {
		if value != "" {
			all[key] = value
		}
	}
	return all, nil
}

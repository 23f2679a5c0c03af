package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/kind"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// LoadCluster brings an image to the nodes of a kind cluster, under the name that pods use for a reference. A node that has the
// image is sent nothing, others only the layers that they lack. Then it removes what is stale, see [RemoveStale]. A failure of the
// cluster is a [*report.EngineError].
func LoadCluster(ctx context.Context, img Image, ref string, cluster *kind.Cluster) error {
	done := img.Report.Step(img.Plan.Label(), "kind", "loading "+ref)
	outcome, err := loadCluster(ctx, img, ref, cluster)
	done(outcome, err)
	if err != nil {
		err = errors.Join(err, img.forgetLayers())
		return &report.EngineError{Err: fmt.Errorf("delivering image %q to the kind cluster %q: %w", ref, cluster.Name, err)}
	}
	return RemoveStale(ctx, img.Result)
}

// loadCluster returns the result for people.
func loadCluster(ctx context.Context, img Image, ref string, cluster *kind.Cluster) (outcome string, err error) {
	if err := fits(ctx, img.Plan.Platform, cluster); err != nil {
		return "", err
	}
	imported, err := cluster.Import(ctx, kind.ImportRequest{
		Ref: ref, Digest: img.Image.ManifestDigest.String(), Layers: diffIDs(img.Image.Layers),
		Write: func(ctx context.Context, w io.Writer, omitted func(string) bool) error {
			archive := img.archive(ref)
			archive.Omit = func(diffID digest.Digest) bool { return omitted(diffID.String()) }
			return archive.Write(ctx, w)
		},
	})
	if err == nil && imported.Nodes == 0 {
		return ref + " is unchanged", nil
	}
	if err == nil && strings.HasSuffix(imported.Name, ":latest") {
		// https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting
		img.Report.Note(img.Plan.Label(), "kind", "for the tag latest pods need imagePullPolicy: IfNotPresent, else Kubernetes pulls it")
	}
	return fmt.Sprintf("loaded %s into %d of %d nodes of %q, sent %s",
		imported.Name, imported.Nodes, len(cluster.Nodes), cluster.Name, report.Size(imported.Sent)), err
}

// fits refuses a platform that the nodes cannot run. Their own error would not name the fix.
func fits(ctx context.Context, p platform.Platform, cluster *kind.Cluster) error {
	nodes, err := cluster.Platform(ctx)
	if err == nil && (p.OS != nodes.OS || p.Architecture != nodes.Architecture) {
		return &report.ConfigError{Err: fmt.Errorf("the image is for %s, and the nodes run %s\nfix: leave Platforms and IMAGE_PLATFORM out, to build for the platform of the nodes", p, nodes)}
	}
	return err
}

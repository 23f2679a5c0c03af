package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/docker/kind"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
)

// LoadCluster brings the image to the nodes of a kind cluster, under the name by
// which pods know its reference. A node that has it already is sent nothing; others
// are sent the layers that they do not have. What fails is an [*EngineError].
func (b *Built) LoadCluster(ctx context.Context, cluster *kind.Cluster) error {
	done := b.report.Step(b.Plan.Label(), "kind", "loading "+b.Plan.Reference)
	came, err := b.loadCluster(ctx, cluster)
	done(came, err)
	if err != nil {
		err = errors.Join(err, fsx.Remove(b.Plan.Dist().Layers())) // what it knows may be why
		return &EngineError{Err: fmt.Errorf("delivering image %q to the kind cluster %q: %w", b.Plan.Reference, cluster.Name, err)}
	}
	return b.removeStale(ctx)
}

func (b *Built) loadCluster(ctx context.Context, cluster *kind.Cluster) (came string, err error) {
	if err := b.fits(ctx, cluster); err != nil {
		return "", err
	}
	var layers []string
	for _, l := range b.Image.Layers {
		layers = append(layers, l.DiffID.String())
	}
	imported, err := cluster.Import(ctx, kind.ImportRequest{
		Ref: b.Plan.Reference, Digest: b.Image.ManifestDigest.String(), Layers: layers,
		Write: func(ctx context.Context, w io.Writer, omitted func(string) bool) error {
			archive := b.archive()
			archive.Omit = func(diffID digest.Digest) bool { return omitted(diffID.String()) }
			return archive.Write(ctx, w)
		},
	})
	if err == nil && imported.Nodes == 0 {
		return b.Plan.Reference + " is unchanged", nil
	}
	if err == nil && strings.HasSuffix(imported.Name, ":latest") {
		// https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting
		b.report.Note(b.Plan.Label(), "kind", "for the tag latest pods need imagePullPolicy: IfNotPresent, else Kubernetes pulls it")
	}
	return fmt.Sprintf("loaded %s into %d of %d nodes of %q, sent %s",
		imported.Name, imported.Nodes, len(cluster.Nodes), cluster.Name, Size(imported.Sent)), err
}

// fits refuses an image that the nodes cannot run, which they would say in other words.
func (b *Built) fits(ctx context.Context, cluster *kind.Cluster) error {
	nodes, err := cluster.Platform(ctx)
	if p := b.Plan.Platform; err == nil && (p.OS != nodes.OS || p.Architecture != nodes.Architecture) {
		return &ConfigError{Err: fmt.Errorf("the image is for %s, and the nodes run %s\nfix: leave Platform and IMAGE_PLATFORM out: the nodes' is taken then", p, nodes)}
	}
	return err
}

// InCluster tells whether all nodes of a kind cluster have the image under its
// reference, whole.
func (d Deliverable) InCluster(ctx context.Context, cluster *kind.Cluster) (bool, error) {
	has, err := cluster.Has(ctx, d.Reference, d.ids...)
	if err != nil {
		return false, &EngineError{Err: err}
	}
	return has, nil
}

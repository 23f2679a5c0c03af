package engines

import (
	"context"
	"errors"
	"fmt"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/kind"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/run"
)

// Destination is where images go.
type Destination struct {
	Engine  *docker.Engine // nil without one
	Missing error          // why Engine is nil; nil if none was looked for
	Cluster *kind.Cluster  // nil unless images go into its nodes

	kind kindOf // as IMAGE_OUTPUT says
}

// Check returns an error if there is no engine, and images do not go into archives instead.
func (d Destination) Check() error {
	if d.Engine != nil || d.archives() {
		return nil
	}
	err := d.Missing
	if d.kind == auto {
		err = fmt.Errorf("%w; or set IMAGE_OUTPUT=archive to write an archive instead", err)
	}
	return &report.EngineError{Err: err}
}

// archives reports whether images go into archives without an engine: if IMAGE_OUTPUT
// says so, or if it is auto and no engine is chosen and none is found.
func (d Destination) archives() bool {
	var unreachable *host.UnreachableError
	absent := errors.As(d.Missing, &unreachable) && unreachable.Absent
	return d.kind == inArchive || d.kind == auto && absent
}

// unknownPlatform returns an error if the platform is that of a chosen engine which cannot be reached: that may be another
// one than this machine's. nil means that this machine's platform is used.
func (d Destination) unknownPlatform() error {
	var unreachable *host.UnreachableError
	chosen := d.kind == inEngine || d.kind == inCluster || errors.As(d.Missing, &unreachable) && unreachable.Chosen
	if d.Missing == nil || !chosen {
		return nil
	}
	return &report.EngineError{Err: fmt.Errorf("finding the platform to build for: %w; or set IMAGE_PLATFORM or Platform", d.Missing)}
}

// Has reports whether an image is already there. It needs an engine.
func (d Destination) Has(ctx context.Context, image run.Deliverable) (bool, error) {
	if d.Cluster != nil {
		return image.InCluster(ctx, d.Cluster)
	}
	return image.Loaded(ctx, d.Engine)
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
)

// output says where an image goes.
type output string

const (
	outputAuto    output = "auto"    // into the engine; into an archive where nobody has chosen one and none is there
	outputDocker  output = "docker"  // into the engine
	outputArchive output = "archive" // into an archive; the engine is not asked
	outputKind    output = "kind"    // into the nodes of a kind cluster
)

// kindName is what kind takes as a cluster's name
// (https://github.com/kubernetes-sigs/kind/blob/v0.29.0/pkg/internal/apis/config/validate.go).
var kindName = regexp.MustCompile(`^[a-z0-9.-]+$`)

// readOutput reads IMAGE_OUTPUT. "kind" alone is the cluster that kind itself takes without a name.
func readOutput(getenv func(string) string) (to output, cluster string, err error) {
	value := getenv("IMAGE_OUTPUT")
	name, cluster, named := strings.Cut(value, ":")
	switch to = output(name); {
	case value == "":
		return outputAuto, "", nil
	case to == outputKind && !named:
		return to, cmp.Or(getenv("KIND_CLUSTER_NAME"), "kind"), nil
	case to == outputKind && kindName.MatchString(cluster):
		return to, cluster, nil
	case to == outputKind:
		return "", "", &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q, and %q cannot be a cluster's name\nfix: name one of those that \"kind get clusters\" lists", value, cluster)}
	case !named && (to == outputAuto || to == outputDocker || to == outputArchive):
		return to, "", nil
	}
	return "", "", &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q\nfix: set it to docker, archive, kind, kind:CLUSTER or auto, or unset it", value)}
}

// archives tells whether images go into archives, where there is no engine: when that is
// wanted, or when nobody has chosen an engine and none is there.
func (o output) archives(noEngine error) bool {
	var unreachable *docker.UnreachableError
	absent := errors.As(noEngine, &unreachable) && unreachable.Absent
	return o == outputArchive || o == outputAuto && absent
}

// orArchive adds to the fix of an engine that is not reached that an archive needs none.
func (o output) orArchive(noEngine error) error {
	if o != outputAuto {
		return noEngine
	}
	return fmt.Errorf("%w; IMAGE_OUTPUT=archive writes an archive instead", noEngine)
}

// unknownPlatform is the error where the platform would be that of an engine which is not reached: one that was chosen
// may run another than this machine. nil says that this machine's is the right one.
func (o output) unknownPlatform(noEngine error) error {
	var unreachable *docker.UnreachableError
	chosen := o == outputDocker || o == outputKind || errors.As(noEngine, &unreachable) && unreachable.Chosen
	if noEngine == nil || !chosen {
		return nil
	}
	return &buildkit.EngineError{Err: fmt.Errorf("asking for the platform: %w; or name the platform, by IMAGE_PLATFORM or Platform", noEngine)}
}

// findCluster finds the kind cluster that IMAGE_OUTPUT names, once.
func (j *job) findCluster(ctx context.Context) error {
	if j.output != outputKind || j.cluster != nil || j.engine == nil {
		return nil
	}
	cluster, err := j.engine.Cluster(ctx, j.clusterName)
	var none *docker.NoClusterError
	switch {
	case errors.As(err, &none):
		return &buildkit.ConfigError{Err: err}
	case err != nil:
		return &buildkit.EngineError{Err: err}
	}
	j.cluster = cluster
	return nil
}

// runnable refuses to run an image that does not go into the engine.
func (j *job) runnable() error {
	if j.output != outputKind {
		return nil
	}
	return &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q, and %s runs the image in the engine\nfix: unset IMAGE_OUTPUT, or set it to docker; in a cluster pods run it",
		os.Getenv("IMAGE_OUTPUT"), j.target)}
}

// platform is what the engine runs, or the nodes of the cluster; the zero one where no engine is wanted, or none is chosen
// and found.
func (j *job) platform(ctx context.Context) (buildkit.Platform, string, error) {
	if err := j.connect(ctx); err != nil {
		return buildkit.Platform{}, "", err
	}
	if j.engine == nil {
		return buildkit.Platform{}, "", j.output.unknownPlatform(j.noEngine)
	}
	ask, origin := j.engine.Platform, "engine at "+j.engine.Host()
	if j.cluster != nil {
		ask, origin = j.cluster.Platform, fmt.Sprintf("nodes of the kind cluster %q", j.cluster.Name)
	}
	if p, ok := j.recalled.Platform(origin); ok && j.own && j.cluster == nil && j.assume(ctx, p) {
		return p, origin, nil
	}
	p, err := ask(ctx)
	if err != nil {
		return buildkit.Platform{}, "", &buildkit.EngineError{Err: err}
	}
	return p, origin, nil
}

// has tells whether an image is where it goes.
func (j *job) has(ctx context.Context, d buildkit.Deliverable) (bool, error) {
	if j.cluster != nil {
		return d.InCluster(ctx, j.cluster)
	}
	return d.Loaded(ctx, j.engine)
}

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
	"github.com/fromscratch-go/fromscratch/buildkit/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/docker/kind"
)

// output is where images go.
type output string

const (
	outputAuto    output = "auto"    // into the engine, or into an archive if no engine is chosen and none is found
	outputDocker  output = "docker"  // into the engine
	outputArchive output = "archive" // into an archive, without an engine
	outputKind    output = "kind"    // into the nodes of a kind cluster
)

// kindName matches what kind accepts as a cluster's name
// (https://github.com/kubernetes-sigs/kind/blob/v0.29.0/pkg/internal/apis/config/validate.go).
var kindName = regexp.MustCompile(`^[a-z0-9.-]+$`)

// readOutput reads IMAGE_OUTPUT. "kind" alone is kind's default cluster.
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
		return "", "", &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q, but %q is not a valid cluster name\nfix: use a name that \"kind get clusters\" lists", value, cluster)}
	case !named && (to == outputAuto || to == outputDocker || to == outputArchive):
		return to, "", nil
	}
	return "", "", &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q\nfix: set it to docker, archive, kind, kind:CLUSTER or auto, or unset it", value)}
}

// archives reports whether images go into archives because of noEngine: if IMAGE_OUTPUT
// says so, or if it is auto and no engine is chosen and none is found.
func (o output) archives(noEngine error) bool {
	var unreachable *host.UnreachableError
	absent := errors.As(noEngine, &unreachable) && unreachable.Absent
	return o == outputArchive || o == outputAuto && absent
}

// orArchive adds to the fix of an unreachable engine that an archive needs no engine.
func (o output) orArchive(noEngine error) error {
	if o != outputAuto {
		return noEngine
	}
	return fmt.Errorf("%w; or set IMAGE_OUTPUT=archive to write an archive instead", noEngine)
}

// unknownPlatform returns an error if the platform is that of a chosen engine which cannot be reached: that may be another
// one than this machine's. nil means that this machine's platform is used.
func (o output) unknownPlatform(noEngine error) error {
	var unreachable *host.UnreachableError
	chosen := o == outputDocker || o == outputKind || errors.As(noEngine, &unreachable) && unreachable.Chosen
	if noEngine == nil || !chosen {
		return nil
	}
	return &buildkit.EngineError{Err: fmt.Errorf("finding the platform to build for: %w; or set IMAGE_PLATFORM or Platform", noEngine)}
}

// findCluster finds the kind cluster in IMAGE_OUTPUT, once.
func (j *job) findCluster(ctx context.Context) error {
	if j.output != outputKind || j.cluster != nil || j.engine == nil {
		return nil
	}
	cluster, err := kind.Find(ctx, j.engine, j.clusterName)
	var none *kind.NoClusterError
	switch {
	case errors.As(err, &none):
		return &buildkit.ConfigError{Err: err}
	case err != nil:
		return &buildkit.EngineError{Err: err}
	}
	j.cluster = cluster
	return nil
}

// runnable returns an error if the image does not go into the engine, which would run it.
func (j *job) runnable() error {
	if j.output != outputKind {
		return nil
	}
	return &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q, but %s runs the image in the engine\nfix: unset IMAGE_OUTPUT or set it to docker; in a cluster, start a pod",
		os.Getenv("IMAGE_OUTPUT"), j.target)}
}

// platform returns the platform of the engine, or of the cluster's nodes, and its origin for people. Without an engine it
// returns the zero Platform, or the error of unknownPlatform.
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
	if p, ok := j.recalled.Platform(origin); ok && j.engineOnly && j.cluster == nil && j.assume(ctx, p) {
		return p, origin, nil
	}
	p, err := ask(ctx)
	if err != nil {
		return buildkit.Platform{}, "", &buildkit.EngineError{Err: err}
	}
	return p, origin, nil
}

// has reports whether an image is already where it goes.
func (j *job) has(ctx context.Context, d buildkit.Deliverable) (bool, error) {
	if j.cluster != nil {
		return d.InCluster(ctx, j.cluster)
	}
	return d.Loaded(ctx, j.engine)
}

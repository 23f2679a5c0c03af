package settings

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// Output is where images go.
type Output struct {
	Kind    Kind
	Cluster string // name of the kind cluster, if Kind is Cluster
}

// Kind is a kind of place that images go to.
type Kind string

// The kinds.
const (
	Auto    Kind = "auto"    // into the engine, or into an archive if no engine is chosen and none is found
	Docker  Kind = "docker"  // into the engine
	Archive Kind = "archive" // into an archive, without an engine
	Cluster Kind = "kind"    // into the nodes of a kind cluster
)

// clusterName matches what kind accepts as a cluster's name
// (https://github.com/kubernetes-sigs/kind/blob/v0.29.0/pkg/internal/apis/config/validate.go).
var clusterName = regexp.MustCompile(`^[a-z0-9.-]+$`)

// ReadOutput reads IMAGE_OUTPUT. "kind" alone is kind's default cluster.
func ReadOutput(getenv func(string) string) (Output, error) {
	value := getenv("IMAGE_OUTPUT")
	name, cluster, named := strings.Cut(value, ":")
	switch kind := Kind(name); {
	case value == "":
		return Output{Kind: Auto}, nil
	case kind == Cluster && !named:
		return Output{kind, cmp.Or(getenv("KIND_CLUSTER_NAME"), "kind")}, nil
	case kind == Cluster && clusterName.MatchString(cluster):
		return Output{kind, cluster}, nil
	case kind == Cluster:
		return Output{}, &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q, but %q is not a valid cluster name\nfix: use a name that \"kind get clusters\" lists", value, cluster)}
	case !named && (kind == Auto || kind == Docker || kind == Archive):
		return Output{Kind: kind}, nil
	}
	return Output{}, &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q\nfix: set it to docker, archive, kind, kind:CLUSTER or auto, or unset it", value)}
}

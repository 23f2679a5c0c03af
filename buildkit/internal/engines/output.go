package engines

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// output is where images go.
type output struct {
	kind    kindOf
	cluster string // name of the kind cluster, if kind is inCluster
}

// kindOf is a kind of place that images go to, as IMAGE_OUTPUT names it.
type kindOf string

// The kinds.
const (
	auto      kindOf = "auto"    // into the engine, or into an archive if no engine is chosen and none is found
	inEngine  kindOf = "docker"  // into the engine
	inArchive kindOf = "archive" // into an archive, without an engine
	inCluster kindOf = "kind"    // into the nodes of a kind cluster
)

// clusterName matches what kind accepts as a cluster's name
// (https://github.com/kubernetes-sigs/kind/blob/v0.29.0/pkg/internal/apis/config/validate.go).
var clusterName = regexp.MustCompile(`^[a-z0-9.-]+$`)

// readOutput reads IMAGE_OUTPUT. "kind" alone is kind's default cluster.
func readOutput(getenv func(string) string) (output, error) {
	value := getenv("IMAGE_OUTPUT")
	name, cluster, named := strings.Cut(value, ":")
	switch kind := kindOf(name); {
	case value == "":
		return output{kind: auto}, nil
	case kind == inCluster && !named:
		return output{kind, cmp.Or(getenv("KIND_CLUSTER_NAME"), "kind")}, nil
	case kind == inCluster && clusterName.MatchString(cluster):
		return output{kind, cluster}, nil
	case kind == inCluster:
		return output{}, &report.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q, but %q is not a valid cluster name\nfix: use a name that \"kind get clusters\" lists", value, cluster)}
	case !named && (kind == auto || kind == inEngine || kind == inArchive):
		return output{kind: kind}, nil
	}
	return output{}, &report.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q\nfix: set it to docker, archive, kind, kind:CLUSTER or auto, or unset it", value)}
}

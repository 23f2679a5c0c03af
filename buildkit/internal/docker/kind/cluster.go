package kind

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Each node of a kind cluster (https://kind.sigs.k8s.io) is a container with its own containerd. The engine doesn't know
// containerd's images. Two labels mark the containers.
// Source: https://github.com/kubernetes-sigs/kind/blob/v0.29.0/pkg/cluster/internal/providers/docker/constants.go
const (
	clusterLabel = "io.x-k8s.kind.cluster" // the cluster's name
	roleLabel    = "io.x-k8s.kind.role"
)

// States of a container (https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerList).
const (
	running = "running"
	paused  = "paused"
)

// nodeRoles are the roles that run pods. A load balancer in front of several control planes has another role.
// Source: https://github.com/kubernetes-sigs/kind/blob/v0.29.0/pkg/cluster/constants/constants.go
var nodeRoles = []string{"control-plane", "worker"}

// Cluster is a kind cluster. All its nodes ran when Find returned it. Its methods may be used concurrently.
type Cluster struct {
	Name  string
	Nodes []Node // by name

	engine *docker.Engine
}

// Node is a node of a cluster.
type Node struct {
	ID   string // of the container
	Name string // of the container, and of the node
	Role string // "control-plane" or "worker"
}

// NoClusterError reports that the engine has no cluster with the name.
type NoClusterError struct {
	Name string
	Host string   // the engine's address
	Have []string // the names of its clusters
}

func (e *NoClusterError) Error() string {
	text, create := plaintext.Sprintf("finding the kind cluster %q in the engine at %s: ", e.Name, e.Host), "kind create cluster --name "+plaintext.Shell(e.Name)
	if len(e.Have) == 0 {
		return text + "there is no kind cluster\nfix: " + create + ", or choose the engine that has it (DOCKER_HOST)"
	}
	var words []string
	for _, name := range e.Have { // labels of containers, which anybody may have set
		words = append(words, plaintext.Shell(name))
	}
	return plaintext.Sprintf("%sthere are %s\nfix: name one of these, or %s", text, strings.Join(words, ", "), create)
}

// Find finds a kind cluster by its name. kind's default name is "kind". If the engine has no such cluster, the error is a
// [*NoClusterError]. Find also fails if a node doesn't run: it would lack the image when it runs again.
func Find(ctx context.Context, e *docker.Engine, name string) (*Cluster, error) {
	c, err := find(ctx, e, name)
	var none *NoClusterError
	if errors.As(err, &none) {
		return nil, err // it is complete and has a fix line
	}
	return c, e.Failed(fmt.Sprintf("finding the kind cluster %q", name), err)
}

func find(ctx context.Context, e *docker.Engine, name string) (*Cluster, error) {
	all, err := e.Containers(ctx, clusterLabel)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s docker.ContainerInfo) bool { return !slices.Contains(nodeRoles, s.Labels[roleLabel]) })
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	nodes := slices.DeleteFunc(slices.Clone(all), func(s docker.ContainerInfo) bool { return s.Labels[clusterLabel] != name })
	if len(nodes) == 0 {
		return nil, &NoClusterError{Name: name, Host: e.Host(), Have: clusterNames(all)}
	}
	if err := allRun(nodes); err != nil {
		return nil, err
	}
	c := &Cluster{Name: name, engine: e}
	for _, s := range nodes {
		c.Nodes = append(c.Nodes, Node{ID: s.ID, Name: s.Name, Role: s.Labels[roleLabel]})
	}
	return c, nil
}

// clusterNames lists the clusters of some nodes.
func clusterNames(nodes []docker.ContainerInfo) []string {
	var names []string
	for _, s := range nodes {
		names = append(names, s.Labels[clusterLabel])
	}
	sort.Strings(names)
	return slices.Compact(names)
}

// allRun returns an error if some nodes don't run. It names them and says how to start them.
func allRun(nodes []docker.ContainerInfo) error {
	var states, stopped []string
	start := "start"
	for _, s := range nodes {
		if s.State == running {
			continue
		}
		states, stopped = append(states, s.Name+" is "+s.State), append(stopped, plaintext.Shell(s.Name))
		if s.State == paused {
			start = "unpause"
		}
	}
	if len(states) == 0 {
		return nil
	}
	err := errors.New("its nodes do not all run: " + strings.Join(states, ", "))
	return docker.Advise(err, fmt.Sprintf("docker %s %s, or create the cluster anew", start, strings.Join(stopped, " ")))
}

// Platform returns the platform of the nodes' own images. It has the form of [docker.Engine.Platform].
func (c *Cluster) Platform(ctx context.Context) (docker.Platform, error) {
	p, err := c.platform(ctx)
	return p, c.engine.Failed(fmt.Sprintf("asking for the platform of the kind cluster %q", c.Name), err)
}

func (c *Cluster) platform(ctx context.Context) (docker.Platform, error) {
	var first docker.Platform
	for i, n := range c.Nodes {
		p, err := c.engine.ContainerPlatform(ctx, n.ID)
		if err != nil {
			return docker.Platform{}, err
		}
		if i == 0 {
			first = p
		}
		if p != first {
			err := fmt.Errorf("%s runs %s and %s runs %s", c.Nodes[0].Name, first, n.Name, p)
			return docker.Platform{}, docker.Advise(err, "create the cluster with node images of one platform")
		}
	}
	return first, nil
}

package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// A kind cluster (https://kind.sigs.k8s.io) is Kubernetes in containers: each node is one, with a containerd of its own
// whose images the engine does not know. Its containers are known by two labels.
// Source: https://github.com/kubernetes-sigs/kind/blob/v0.29.0/pkg/cluster/internal/providers/docker/constants.go
const (
	clusterLabel = "io.x-k8s.kind.cluster" // the cluster's name
	roleLabel    = "io.x-k8s.kind.role"
)

// nodeRoles are the roles that run pods; a load balancer in front of several control planes has another one.
// Source: https://github.com/kubernetes-sigs/kind/blob/v0.29.0/pkg/cluster/constants/constants.go
var nodeRoles = []string{"control-plane", "worker"}

// Cluster is a kind cluster whose nodes run. Its methods may be used concurrently.
type Cluster struct {
	Name  string
	Nodes []Node // by name

	engine *Engine
}

// Node is a container that is a node of a cluster.
type Node struct {
	ID   string // of the container
	Name string // of the container, and of the node
	Role string // "control-plane" or "worker"
}

// NoClusterError means that the engine has no cluster of the name.
type NoClusterError struct {
	Name string
	Host string   // the engine's address
	Have []string // the clusters that it has
}

func (e *NoClusterError) Error() string {
	text, create := plaintext.Sprintf("finding the kind cluster %q in the engine at %s: ", e.Name, e.Host), "kind create cluster --name "+plaintext.Shell(e.Name)
	if len(e.Have) == 0 {
		return text + "there is no kind cluster\nfix: " + create + ", or choose the engine that has it (DOCKER_HOST)"
	}
	return plaintext.Sprintf("%sthere are %s\nfix: name one of these, or %s", text, strings.Join(e.Have, ", "), create)
}

// Cluster finds a kind cluster by its name ("kind" is kind's own default). One that the engine does not have is a
// [*NoClusterError]; it fails as well when one of its nodes does not run, because what is brought to the others only
// would be missing when that one runs again.
func (e *Engine) Cluster(ctx context.Context, name string) (*Cluster, error) {
	c, err := e.cluster(ctx, name)
	var none *NoClusterError
	if errors.As(err, &none) {
		return nil, err // it says all there is to say
	}
	return c, e.failed(fmt.Sprintf("finding the kind cluster %q", name), err)
}

func (e *Engine) cluster(ctx context.Context, name string) (*Cluster, error) {
	all, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", clusterLabel))})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s container.Summary) bool { return !slices.Contains(nodeRoles, s.Labels[roleLabel]) })
	sort.Slice(all, func(i, j int) bool { return nameOf(all[i]) < nameOf(all[j]) })
	nodes := slices.DeleteFunc(slices.Clone(all), func(s container.Summary) bool { return s.Labels[clusterLabel] != name })
	if len(nodes) == 0 {
		return nil, &NoClusterError{Name: name, Host: e.endpoint.Host, Have: clusterNames(all)}
	}
	if err := allRun(nodes); err != nil {
		return nil, err
	}
	c := &Cluster{Name: name, engine: e}
	for _, s := range nodes {
		c.Nodes = append(c.Nodes, Node{ID: s.ID, Name: nameOf(s), Role: s.Labels[roleLabel]})
	}
	return c, nil
}

// clusterNames lists the clusters that some nodes belong to.
func clusterNames(nodes []container.Summary) []string {
	var names []string
	for _, s := range nodes {
		names = append(names, s.Labels[clusterLabel])
	}
	sort.Strings(names)
	return slices.Compact(names)
}

// allRun tells which nodes do not run, and how they are brought to it.
func allRun(nodes []container.Summary) error {
	var states, asleep []string
	start := "start"
	for _, s := range nodes {
		if s.State == container.StateRunning {
			continue
		}
		states, asleep = append(states, nameOf(s)+" is "+string(s.State)), append(asleep, plaintext.Shell(nameOf(s)))
		if s.State == container.StatePaused {
			start = "unpause"
		}
	}
	if len(states) == 0 {
		return nil
	}
	err := errors.New("its nodes do not all run: " + strings.Join(states, ", "))
	return advise(err, fmt.Sprintf("docker %s %s, or create the cluster anew", start, strings.Join(asleep, " ")))
}

// nameOf is the name that a person knows a container by.
func nameOf(s container.Summary) string {
	if len(s.Names) == 0 {
		return s.ID
	}
	return strings.TrimPrefix(s.Names[0], "/")
}

// Platform is what the nodes run, in the words of [Engine.Platform]: that of the images that they were made from.
func (c *Cluster) Platform(ctx context.Context) (Platform, error) {
	p, err := c.platform(ctx)
	return p, c.engine.failed(fmt.Sprintf("asking for the platform of the kind cluster %q", c.Name), err)
}

func (c *Cluster) platform(ctx context.Context) (Platform, error) {
	var first Platform
	for i, n := range c.Nodes {
		p, err := c.engine.containerPlatform(ctx, n.ID)
		if err != nil {
			return Platform{}, err
		}
		if i == 0 {
			first = p
		}
		if p != first {
			err := fmt.Errorf("%s runs %s and %s runs %s", c.Nodes[0].Name, first, n.Name, p)
			return Platform{}, advise(err, "create the cluster with node images of one platform")
		}
	}
	return first, nil
}

// containerPlatform is the platform of a container's image, or the engine's when that image is gone.
func (e *Engine) containerPlatform(ctx context.Context, id string) (Platform, error) {
	info, err := e.api.ContainerInspect(ctx, id)
	if err != nil {
		return Platform{}, err
	}
	img, err := e.api.ImageInspect(ctx, info.Image)
	if errdefs.IsNotFound(err) || err == nil && img.Architecture == "" {
		return e.platformOnce(ctx)
	}
	if err != nil {
		return Platform{}, err
	}
	p := Platform{OS: img.Os, Architecture: img.Architecture}
	if p.Architecture == "arm" {
		p.Variant = img.Variant
	}
	return p, checkPlatform(p)
}

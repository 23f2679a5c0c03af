package docker

import (
	"context"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// ContainerInfo describes a container that an engine has.
type ContainerInfo struct {
	ID     string
	Name   string // without the leading slash; the ID if the container has no name
	State  string // "running", "paused", "exited"
	Labels map[string]string
}

// Containers lists the containers that have a label ("key" or "key=value"), stopped ones too.
//
// Errors have no context and no fix line for the user yet: see [Engine.Failed].
func (e *Engine) Containers(ctx context.Context, label string) ([]ContainerInfo, error) {
	all, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", label))})
	if err != nil {
		return nil, err
	}
	var list []ContainerInfo
	for _, s := range all {
		list = append(list, ContainerInfo{ID: s.ID, Name: nameOf(s), State: s.State, Labels: s.Labels})
	}
	return list, nil
}

// nameOf returns a container's name without the leading slash, its ID if it has no name.
func nameOf(s container.Summary) string {
	if len(s.Names) == 0 {
		return s.ID
	}
	return strings.TrimPrefix(s.Names[0], "/")
}

// ContainerPlatform returns the platform of a container's image, or the engine's if that image is gone.
//
// Errors have no context and no fix line for the user yet: see [Engine.Failed].
func (e *Engine) ContainerPlatform(ctx context.Context, id string) (Platform, error) {
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

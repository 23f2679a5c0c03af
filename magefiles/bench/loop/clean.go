package main

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// clean removes everything that this program has made in the engine, found by its name. It never prunes.
func (e *engine) clean(ctx context.Context) error {
	return errors.Join(e.removeContainers(ctx), e.removeImages(ctx, prefix, ""))
}

// removeContainers removes containers whose name, image or label starts with the prefix.
func (e *engine) removeContainers(ctx context.Context) error {
	var containers []struct {
		ID     string `json:"Id"`
		Names  []string
		Image  string
		Labels map[string]string
	}
	if err := e.get(ctx, "/containers/json", url.Values{"all": {"1"}}, &containers); err != nil {
		return err
	}
	var err error
	for _, c := range containers {
		if anyHasPrefix(append(append(c.Names, c.Image), values(c.Labels)...), prefix) {
			err = errors.Join(err, e.remove(ctx, "/containers/"+c.ID, "1"))
		}
	}
	return err
}

// removeImages removes tags that start with start, and thereby images without other tags. It also removes untagged
// images that have a label that starts with it. The image with the ID keep stays.
func (e *engine) removeImages(ctx context.Context, start, keep string) error {
	var images []struct {
		ID       string `json:"Id"`
		RepoTags []string
		Labels   map[string]string
	}
	if err := e.get(ctx, "/images/json", nil, &images); err != nil {
		return err
	}
	var err error
	for _, image := range images {
		if image.ID == keep {
			continue
		}
		for _, tag := range image.RepoTags {
			if anyHasPrefix([]string{tag}, start) {
				err = errors.Join(err, e.remove(ctx, "/images/"+tag, "1"))
			}
		}
		if len(image.RepoTags) == 0 && anyHasPrefix(values(image.Labels), start) {
			err = errors.Join(err, e.removeUntagged(ctx, image.ID))
		}
	}
	return err
}

// removeUntagged removes an image whose tag a newer image has taken. An image that is still in use or already gone is
// ignored.
func (e *engine) removeUntagged(ctx context.Context, id string) error {
	err := e.remove(ctx, "/images/"+id, "0")
	var status *statusError
	if errors.As(err, &status) && status.code == http.StatusConflict {
		return nil
	}
	return err
}

func (e *engine) remove(ctx context.Context, path, force string) error {
	body, err := e.do(ctx, http.MethodDelete, path, url.Values{"force": {force}}, nil)
	var status *statusError
	if errors.As(err, &status) && status.code == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return body.Close()
}

// anyHasPrefix reports whether one of the names starts with start. Names of containers have a leading slash, and podman's
// images the registry that they might come from.
func anyHasPrefix(names []string, start string) bool {
	for _, name := range names {
		for _, front := range []string{"/", "localhost/", "docker.io/library/"} {
			name = strings.TrimPrefix(name, front)
		}
		if strings.HasPrefix(name, start) {
			return true
		}
	}
	return false
}

func values(labels map[string]string) []string { return slices.Collect(maps.Values(labels)) }

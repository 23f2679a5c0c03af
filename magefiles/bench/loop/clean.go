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

// clean removes all that this program has made in the engine: what is named for
// it. Nothing is ever pruned.
func (e *engine) clean(ctx context.Context) error {
	return errors.Join(e.removeContainers(ctx), e.removeImages(ctx, prefix, ""))
}

// removeContainers removes containers that have our name, an image of ours, or a
// label that names one.
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
		if anyOurs(append(append(c.Names, c.Image), values(c.Labels)...), prefix) {
			err = errors.Join(err, e.remove(ctx, "/containers/"+c.ID, "1"))
		}
	}
	return err
}

// removeImages removes the tags that begin with start, and so the images that
// have no other, and those without a tag that have a label which does. The image
// with the ID keep stays.
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
			if anyOurs([]string{tag}, start) {
				err = errors.Join(err, e.remove(ctx, "/images/"+tag, "1"))
			}
		}
		if len(image.RepoTags) == 0 && anyOurs(values(image.Labels), start) {
			err = errors.Join(err, e.removeUntagged(ctx, image.ID))
		}
	}
	return err
}

// removeUntagged removes an image that a newer one has taken the tag from. One
// that is still in use or gone already is left alone.
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

// anyOurs says whether one of the names begins as ours do. Containers have a slash
// in front, and images of podman the registry that they might come from.
func anyOurs(names []string, start string) bool {
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

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// imagePush pushes the images. It uses an engine only for builders, and for a base that its registry does not have; not
// to choose the platform.
func imagePush(ctx context.Context, m *images) error {
	_, err := m.push(ctx, saidPushed)
	return err
}

// push pushes the images, says what say returns of each, and writes the references to the file in IMAGE_REFS. They are in the order
// of the plans.
func (m *images) push(ctx context.Context, say func([]buildkit.Pushed, []*buildkit.Result) said) ([]buildkit.Pushed, error) {
	refs, err := refsFile(os.Getenv("IMAGE_REFS"))
	if err != nil {
		return nil, err
	}
	cache, err := layerCache()
	if err != nil {
		return nil, err
	}
	options := buildkit.PushOptions{Getenv: os.Getenv, Cache: cache}
	if err := options.Check(); err != nil {
		return nil, err
	}
	plans, err := m.plans(ctx)
	if err != nil {
		return nil, err
	}
	if err := buildkit.Pushable(plans); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var all []buildkit.Pushed
	err = m.buildGroups(ctx, plans, func(ctx context.Context, group []*buildkit.Result) (said, error) {
		pushed, err := buildkit.PushAll(ctx, group, options)
		if err != nil {
			return said{}, err
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, pushed...)
		return say(pushed, group), nil
	})
	if err != nil {
		return nil, err
	}
	order := func(p buildkit.Pushed) int {
		return slices.IndexFunc(plans, func(plan buildkit.Plan) bool { return plan.Name == p.Name })
	}
	slices.SortStableFunc(all, func(a, b buildkit.Pushed) int { return order(a) - order(b) })
	if refs == "" {
		return all, nil
	}
	return all, buildkit.WriteRefs(refs, all)
}

// saidPushed says the references, one a line.
func saidPushed(pushed []buildkit.Pushed, group []*buildkit.Result) said {
	var references []string
	for _, p := range pushed {
		references = append(references, p.Reference)
	}
	s := saidOf(strings.Join(references, "\n"), group...)
	for i := range s.images {
		s.images[i].Pushed = references
	}
	return s
}

// refsFile returns the absolute path of the file for the references, or "" if none is wanted. It checks, before anything is
// built, that the path is not a folder and that its folder exists.
func refsFile(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(filepath.Dir(path))
	}
	if info, statErr := os.Stat(path); err == nil && statErr == nil && info.IsDir() {
		err = fmt.Errorf("%q is a folder", path)
	}
	if err != nil {
		return "", &buildkit.ConfigError{Err: fmt.Errorf("checking the file in IMAGE_REFS: %w\nfix: set IMAGE_REFS to a file in an existing folder", err)}
	}
	return path, nil
}

// layerCache returns the folder for compressed layers. All modules share it, because they may have equal layers.
func layerCache() (string, error) {
	dir, err := buildkit.UserCache()
	if err != nil {
		return "", &buildkit.ConfigError{Err: err}
	}
	return filepath.Join(dir, "layers"), nil
}

// imageLayout writes the images to OCI layouts: each to its own, or all to IMAGE_LAYOUT.
func imageLayout(ctx context.Context, m *images) error {
	dir := os.Getenv("IMAGE_LAYOUT")
	if dir == "" {
		return m.groups(ctx, func(ctx context.Context, group []*buildkit.Result) (said, error) {
			return writeLayout(ctx, group, "")
		})
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("finding the folder in IMAGE_LAYOUT: %w", err)
	}
	err = m.groups(ctx, func(ctx context.Context, group []*buildkit.Result) (said, error) {
		s, err := writeLayout(ctx, group, dir)
		s.lines = ""
		return s, err
	})
	if err != nil {
		return err
	}
	return m.out.path(dir) // once, however many images are in it
}

func writeLayout(ctx context.Context, group []*buildkit.Result, dir string) (said, error) {
	paths, err := buildkit.LayoutAll(ctx, group, dir)
	if err != nil {
		return said{}, err
	}
	return wrote(paths[:1], group...), nil
}

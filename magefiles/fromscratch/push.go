package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// imagePush pushes the images. No engine is asked which platform to build for, nor for a base that its registry gives;
// only for one that is nowhere else, and for builders.
func (j *job) imagePush(ctx context.Context) error {
	j.output = outputArchive
	refs, err := refsFile(os.Getenv("IMAGE_REFS"))
	if err != nil {
		return err
	}
	cache, err := layerCache()
	if err != nil {
		return err
	}
	options := buildkit.PushOptions{Getenv: os.Getenv, Cache: cache}
	if err := options.Check(); err != nil {
		return err
	}
	plans, err := j.plans(ctx, true)
	if err != nil {
		return err
	}
	if err := buildkit.Pushable(plans); err != nil {
		return err
	}
	var one sync.Mutex
	var all []buildkit.Pushed
	err = j.eachGroup(ctx, plans, func(ctx context.Context, group []*buildkit.Built) (string, error) {
		pushed, err := buildkit.PushAll(ctx, group, options)
		if err != nil {
			return "", err
		}
		one.Lock()
		defer one.Unlock()
		all = append(all, pushed...)
		return lines(pushed), nil
	})
	if err != nil || refs == "" {
		return err
	}
	order := func(p buildkit.Pushed) int {
		return slices.IndexFunc(plans, func(plan buildkit.Plan) bool { return plan.Name == p.Name })
	}
	slices.SortStableFunc(all, func(a, b buildkit.Pushed) int { return order(a) - order(b) })
	return buildkit.WriteRefs(refs, all)
}

// lines are references, one a line.
func lines(pushed []buildkit.Pushed) string {
	var text string
	for _, p := range pushed {
		text += p.Reference + "\n"
	}
	return text
}

// refsFile is where the references go, absolute; "" is nowhere. A folder that is not there, or in the place of the
// file, is told before anything is built.
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
		return "", &buildkit.ConfigError{Err: fmt.Errorf("looking where the references are to be written: %w\nfix: set IMAGE_REFS to a file in a folder that is there", err)}
	}
	return path, nil
}

// layerCache is where compressed layers are kept: for all modules, as the layers of two may be the same.
func layerCache() (string, error) {
	dir, err := buildkit.UserCache()
	if err != nil {
		return "", &buildkit.ConfigError{Err: err}
	}
	return filepath.Join(dir, "layers"), nil
}

// imageLayout writes the images into OCI layouts, each into its own or all into IMAGE_LAYOUT.
func (j *job) imageLayout(ctx context.Context) error {
	dir := os.Getenv("IMAGE_LAYOUT")
	if dir == "" {
		return j.groups(ctx, func(ctx context.Context, group []*buildkit.Built) (string, error) { return writeLayout(ctx, group, "") })
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("finding the folder IMAGE_LAYOUT: %w", err)
	}
	err = j.groups(ctx, func(ctx context.Context, group []*buildkit.Built) (string, error) {
		_, err := writeLayout(ctx, group, dir)
		return "", err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Println(dir) // once, however many images are in it
	return err
}

func writeLayout(ctx context.Context, group []*buildkit.Built, dir string) (string, error) {
	paths, err := buildkit.LayoutAll(ctx, group, dir)
	if err != nil {
		return "", err
	}
	return paths[0], nil
}

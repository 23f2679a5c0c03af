package main

import (
	"context"
	"os"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// imageDockerfile builds the images to know their content, writes a Dockerfile for each, and prints the paths of the
// files.
func imageDockerfile(ctx context.Context, m *images) error {
	plans, err := m.plans(ctx)
	if err != nil {
		return err
	}
	path := os.Getenv("IMAGE_DOCKERFILE")
	if plans, err = buildkit.DockerfilePlans(path, plans); err != nil {
		return err
	}
	var mu sync.Mutex
	found := map[string]buildkit.Dockerfile{}
	about := map[string]said{}
	err = buildkit.BuildEach(ctx, plans, m.inputs.Report, func(ctx context.Context, b *buildkit.Result) error {
		d, err := b.Dockerfile(ctx, path)
		mu.Lock()
		defer mu.Unlock()
		found[b.Plan.Name], about[b.Plan.Name] = d, wrote([]string{d.Path, d.Ignore}, b)
		return err
	})
	if err != nil {
		return err
	}
	var all []buildkit.Dockerfile
	for _, p := range plans {
		all = append(all, found[p.Name])
	}
	if err := buildkit.WriteDockerfiles(all); err != nil {
		return err
	}
	return m.sayAll(plans, about, func(p buildkit.Plan) string { return p.Name })
}

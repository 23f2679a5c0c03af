package buildkit

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
)

func (b *Built) archive() deliver.Archive {
	return deliver.Archive{Image: b.Image, Refs: []string{b.Plan.Reference}}
}

// WriteArchive writes the image to dist/NAME/image.tar, whole or not at all, and
// returns the path.
func (b *Built) WriteArchive(ctx context.Context) (path string, err error) {
	path = b.Plan.Dist().archive()
	done := b.report.step(b.Plan.Name, "archive", "writing "+b.Plan.Show(path))
	err = b.archive().WriteFile(ctx, path)
	done("wrote "+b.Plan.Show(path), err)
	if err != nil {
		return "", fmt.Errorf("delivering image %q: %w", b.Plan.Reference, err)
	}
	return path, nil
}

// RunRequest says how a container is run; the image says all else.
type RunRequest struct {
	Args           []string // instead of the image's Cmd; nil keeps it
	Stdout, Stderr io.Writer
	Signals        <-chan os.Signal // passed on to the program
	Grace          time.Duration    // that the program has to end after the first signal. Default: ten seconds
}

// Run runs the image, which the engine must have, until its program ends, and
// returns the program's exit code. The configured ports are published. The
// container is removed in every case.
func (b *Built) Run(ctx context.Context, engine *docker.Engine, r RunRequest) (code int, err error) {
	request := docker.RunRequest{
		Image: b.Plan.Reference, Args: r.Args, Stdout: r.Stdout, Stderr: r.Stderr, Signals: r.Signals,
		Labels: map[string]string{markLabel: b.Plan.Name},
		Grace:  r.Grace,
		Started: func(c docker.Container) {
			for _, w := range c.Warnings {
				b.report.note(b.Plan.Name, "run", "warning: "+w)
			}
			b.report.note(b.Plan.Name, "run", strings.Join(append([]string{"started " + c.ID[:12]}, published(c)...), ", "))
		},
	}
	for _, port := range b.Image.Config().Ports {
		request.Ports = append(request.Ports, docker.Publish{Container: port})
	}
	if h := b.Image.Config().Healthcheck; h != nil {
		request.Healthcheck = &docker.Healthcheck{
			Test:     append([]string{"CMD"}, h.Test...),
			Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
		}
	}
	code, err = engine.Run(ctx, request)
	if err != nil {
		return code, &EngineError{err}
	}
	return code, nil
}

// published says where the ports of a container are reached.
func published(c docker.Container) []string {
	var words []string
	for _, p := range c.Ports {
		words = append(words, p.Container+" on "+p.Address)
	}
	return words
}

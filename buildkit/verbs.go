package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
)

// Load brings the image into the engine under its reference. An engine that has
// it already is sent nothing. What fails is an [*EngineError].
func (b *Built) Load(ctx context.Context, engine *docker.Engine) error {
	done := b.report.step(b.Plan.Name, "docker", "loading "+b.Plan.Reference)
	came, err := b.load(ctx, engine)
	done(came, err)
	if err != nil {
		return &EngineError{fmt.Errorf("delivering image %q to %s: %w", b.Plan.Reference, engine.Host(), err)}
	}
	return b.removeStale()
}

func (b *Built) load(ctx context.Context, engine *docker.Engine) (came string, err error) {
	ids := []string{b.Image.ConfigDigest.String(), b.Image.ManifestDigest.String()}
	has, err := engine.Has(ctx, b.Plan.Reference, ids...)
	if err != nil {
		return "", err
	}
	if has {
		return b.Plan.Reference + " is unchanged", nil
	}
	archive := b.archive()
	err = engine.Load(ctx, docker.LoadRequest{
		Ref: b.Plan.Reference, IDs: ids, Write: archive.Write, Label: markLabel + "=" + b.Plan.Name,
		Platform: docker.Platform{OS: b.Plan.Platform.OS, Arch: b.Plan.Platform.Architecture, Variant: b.Plan.Platform.Variant},
	})
	return "loaded " + b.Plan.Reference, err
}

// removeStale removes the archive of an earlier build: it is not what the engine
// has now.
func (b *Built) removeStale() error {
	if err := os.Remove(b.Plan.Dist().archive()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the archive of an earlier build: %w", err)
	}
	return nil
}

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
			Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries,
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

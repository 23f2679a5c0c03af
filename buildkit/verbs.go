package buildkit

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
)

// archive is the image as an engine gets it.
func (b *Built) archive() deliver.Archive {
	return deliver.Archive{Image: b.Image, Refs: []string{b.Plan.Reference}}
}

// WriteArchive writes the image to dist/NAME/image.tar, whole or not at all, and
// returns the path. The documents about the image are written beside it, see
// [Built.WriteDocuments].
func (b *Built) WriteArchive(ctx context.Context) (path string, err error) {
	return platforms{b}.archive(ctx, b.Plan.Platform)
}

// Deliverable is an image as an engine gets and runs it.
type Deliverable struct {
	Name      string       // of the image
	Reference string       // repository:tag
	Config    image.Config // how it is run
	ids       []string     // what engines may call it
	base      *state.Base  // nil is scratch
}

// Deliverable is the image that was built.
func (b *Built) Deliverable() Deliverable {
	return Deliverable{b.Plan.Name, b.Plan.Reference, b.Image.Config(), b.result().IDs(), baseMemory(b.Plan)}
}

// Loaded tells whether an engine has the image under its reference, whole.
func (d Deliverable) Loaded(ctx context.Context, engine *docker.Engine) (bool, error) {
	has, err := engine.Has(ctx, d.Reference, d.ids...)
	if err != nil {
		return false, &EngineError{Err: err}
	}
	return has, nil
}

// RunRequest says how a container is run; the image says all else.
type RunRequest struct {
	Args           []string // instead of the image's Cmd; nil keeps it
	Stdout, Stderr io.Writer
	Signals        <-chan os.Signal // passed on to the program
	Grace          time.Duration    // that the program has to end after the first signal. Default: ten seconds
	Report         Report           // hears of the start
	Mark           string           // see [docker.RunRequest]
}

// Run runs the image, which the engine must have, until its program ends, and
// returns the program's exit code. The configured ports are published. The
// container is removed in every case.
func (d Deliverable) Run(ctx context.Context, engine *docker.Engine, r RunRequest) (code int, err error) {
	request := docker.RunRequest{
		Image: d.Reference, Args: r.Args, Stdout: r.Stdout, Stderr: r.Stderr, Signals: r.Signals, Mark: r.Mark,
		Labels:      map[string]string{docker.NameLabel: d.Name},
		Grace:       r.Grace,
		Ports:       d.ports(),
		Healthcheck: d.healthcheck(),
		Started: func(c docker.Container) {
			for _, w := range c.Warnings {
				r.Report.Note(d.Name, "run", "warning: "+w)
			}
			r.Report.Note(d.Name, "run", strings.Join(append([]string{"started " + c.ID[:12]}, published(c)...), ", "))
		},
	}
	code, err = engine.Run(ctx, request)
	if err != nil {
		return code, &EngineError{Err: err}
	}
	return code, nil
}

// ports are those of the image, to be published.
func (d Deliverable) ports() []docker.Publish {
	var ports []docker.Publish
	for _, port := range d.Config.Ports {
		ports = append(ports, docker.Publish{Container: port})
	}
	return ports
}

// healthcheck is the image's; engines that drop it when they load an image are told
// it again.
func (d Deliverable) healthcheck() *docker.Healthcheck {
	h := d.Config.Healthcheck
	if h == nil {
		return nil
	}
	return &docker.Healthcheck{
		Test:     append([]string{"CMD"}, h.Test...),
		Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
	}
}

// published says where the ports of a container are reached.
func published(c docker.Container) []string {
	var words []string
	for _, p := range c.Ports {
		words = append(words, p.Container+" on "+p.Address)
	}
	return words
}

// Package run runs a delivered image in an engine. Its input is a [Deliverable], which says what engines know the image by and how
// it is run. Its output is the exit code of the program; notes about the container go to a report.
package run

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/cleaner"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/kind"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Deliverable is an image as an engine gets and runs it.
type Deliverable struct {
	Name      string       // of the image
	Reference string       // repository:tag
	Config    image.Config // how it is run
	IDs       []string     // possible IDs in engines
	Base      *state.Base  // nil for scratch

	Capabilities []string // that its files have, and so its container must: "cap_net_raw"
}

// Loaded reports whether an engine has the whole image under its reference.
func (d Deliverable) Loaded(ctx context.Context, engine *docker.Engine) (bool, error) {
	has, err := engine.Has(ctx, d.Reference, d.IDs...)
	if err != nil {
		return false, &report.EngineError{Err: err}
	}
	return has, nil
}

// InCluster reports whether all nodes of a kind cluster have the whole image under its reference.
func (d Deliverable) InCluster(ctx context.Context, cluster *kind.Cluster) (bool, error) {
	has, err := cluster.Has(ctx, d.Reference, d.IDs...)
	if err != nil {
		return false, &report.EngineError{Err: err}
	}
	return has, nil
}

// Request says how a container is run. The image decides everything else.
type Request struct {
	Args           []string // instead of the image's Cmd; nil keeps it
	Stdout, Stderr io.Writer
	Signals        <-chan os.Signal // sent on to the program
	Grace          time.Duration    // how long the program may run on after the first signal. Default: ten seconds
	Report         report.Report    // receives notes about the start
	Cleaner        bool             // removes the container even if this process is killed; the main function must call [cleaner.Main]
}

// Run runs the image, which the engine must have, until its program ends, and returns the program's exit code. It publishes the
// configured ports. It removes the container in every case.
func (d Deliverable) Run(ctx context.Context, engine *docker.Engine, r Request) (code int, err error) {
	mark := docker.NewMark()
	if r.Cleaner {
		c, err := cleaner.Start(mark, r.Grace)
		if err != nil {
			r.Report.Note(d.Name, "run", "warning: the container will keep running if this run is killed: "+strings.ReplaceAll(plaintext.Error(err), "\n", "; "))
		}
		defer c.Release()
	}
	code, err = engine.Run(ctx, docker.RunRequest{
		Image: d.Reference, IDs: d.IDs, Args: r.Args, Stdout: r.Stdout, Stderr: r.Stderr, Signals: r.Signals, Mark: mark,
		Labels:      map[string]string{docker.NameLabel: d.Name},
		Grace:       r.Grace,
		Ports:       Ports(d.Config),
		CapAdd:      d.Capabilities,
		Healthcheck: Healthcheck(d.Config),
		Started:     func(c docker.Container) { NoteStart(r.Report, d.Name, "run", c) },
	})
	var output *docker.OutputError
	if err != nil && !errors.As(err, &output) {
		err = &report.EngineError{Err: err}
	}
	return code, err
}

// Ports returns the ports to publish.
func Ports(c image.Config) []docker.Publish {
	var ports []docker.Publish
	for _, port := range c.Ports {
		ports = append(ports, docker.Publish{Container: port})
	}
	return ports
}

// Healthcheck returns the health check for a request to an engine, because some engines drop that of an image when they load it.
// It returns nil if there is none.
func Healthcheck(c image.Config) *docker.Healthcheck {
	h := c.Healthcheck
	if h == nil {
		return nil
	}
	return &docker.Healthcheck{
		Test:     append([]string{"CMD"}, h.Test...),
		Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
	}
}

// shortID is the length of an ID for people, as the docker command prints it.
const shortID = 12

// NoteStart reports that a container of an image has started: the engine's warnings, then the ID, the addresses of the ports, and
// more words.
func NoteStart(r report.Report, image, step string, c docker.Container, more ...string) {
	for _, w := range c.Warnings {
		r.Note(image, step, "warning: "+w)
	}
	words := []string{"started " + c.ID[:min(shortID, len(c.ID))]}
	for _, p := range c.Ports {
		words = append(words, p.Container+" on "+p.Address)
	}
	r.Note(image, step, strings.Join(append(words, more...), ", "))
}

package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
)

const (
	// DefaultGrace is how long a program may take to end after it was asked to, the docker command's own default.
	DefaultGrace = 10 * time.Second
	// startExtra is how much longer than an answer making or starting a container may take, which cannot be cancelled. An
	// engine that does not answer at all is given up before.
	startExtra = time.Minute
	// cleanupTimeout bounds each other request that is made although the caller's context may have ended.
	cleanupTimeout = 30 * time.Second
	// NoExit is Run's exit code when no program has ended.
	NoExit = -1
)

// RunRequest is one container that runs in the foreground, without a terminal and with nothing on its standard input.
// Only Image is required.
type RunRequest struct {
	Image   string            // name or ID of an image that the engine has; nothing is pulled
	Name    string            // the container's name; default: the engine invents one
	Args    []string          // arguments instead of the image's Cmd; the entrypoint stays
	Env     []string          // "KEY=value", over the image's own
	Ports   []Publish         // published ports
	Labels  map[string]string // the container's labels
	Network string            // "none", "host" or a network's name; default: the engine's bridge
	Mark    string            // of [NewMark], by which RemoveMarked finds the container; default: one of its own

	// Healthcheck replaces the image's. podman drops an image's own when it loads it.
	Healthcheck *Healthcheck

	// Stdout and Stderr get the program's output, separated; nil discards it. They are written to by one goroutine
	// and only until Run returns. A writer that blocks for ever keeps Run from returning.
	Stdout, Stderr io.Writer

	// Signals are delivered to the program: os.Interrupt, SIGTERM, SIGQUIT and SIGHUP; others are ignored. After the
	// first three the program has Grace to end, and a second one kills it. One of the three that comes before the program
	// runs ends Run with 128 and its number, as soon as the container is made. nil delivers none.
	Signals <-chan os.Signal
	// Grace is the time between asking the program to end and killing it. Default: DefaultGrace. It comes from the
	// caller because an image's config has a stop signal but no stop time-out.
	Grace time.Duration

	// Started is called once, when the program runs. Its ports are none when the program has ended already.
	Started func(Container)
}

// Healthcheck tells an engine how to see whether a program is well
// (https://docs.docker.com/reference/dockerfile/#healthcheck). Zero durations and retries are the engine's defaults.
type Healthcheck struct {
	Test                           []string // {"CMD", program, args…}, {"NONE"}; an empty image has no shell for CMD-SHELL
	Interval, Timeout, StartPeriod time.Duration
	StartInterval                  time.Duration // for engines with API 1.44 or newer
	Retries                        int
}

// Container is one that Run has started.
type Container struct {
	ID       string
	Ports    []Port   // as bound, by container port
	Warnings []string // the engine's
}

// Run runs a program in a new container until it ends, and returns its exit code. The container, and the anonymous
// volumes that came with it, are gone when Run returns, whatever happened; all output has been written by then.
//
// A program that ends by itself, with whatever code, is no error. The exit code of a program killed by signal n is
// 128+n. When ctx ends, the program gets the image's stop signal (SIGTERM if it has none), and SIGKILL when Grace is
// over; Run then returns its exit code and an error that wraps ctx's cause. So does a Stdout or Stderr that
// fails. When nothing could be run the code is NoExit.
//
// Ctrl-C often reaches a caller twice, as a signal and as the end of ctx: together they ask once. Only a second signal
// kills.
func (e *Engine) Run(ctx context.Context, req RunRequest) (exitCode int, err error) {
	code, err := e.run(ctx, req)
	return code, e.Failed(fmt.Sprintf("running image %q", req.Image), err)
}

func (e *Engine) run(ctx context.Context, req RunRequest) (code int, err error) {
	early, signals, stop := listenEarly(ctx, req.Signals)
	defer stop()
	req.Signals = signals
	created, err := e.create(ctx, req)
	if err != nil {
		return NoExit, err
	}
	defer func() { err = errors.Join(err, e.remove(ctx, created.ID)) }()
	out, err := e.attachAndStart(early, created.ID, req)
	if out != nil {
		defer out.close()
	}
	var ended *signalled
	if errors.As(err, &ended) {
		return ended.code(), nil
	}
	if err != nil {
		return NoExit, err
	}
	entrypoint, stopSignal, err := e.announce(ctx, created, req)
	if err != nil {
		return NoExit, err
	}
	code, err = e.supervise(ctx, created.ID, stopSignal, out, req)
	if err == nil && code != 0 {
		err = out.execFailure(entrypoint)
	}
	return code, err
}

// attachAndStart starts the program, once its output is heard.
func (e *Engine) attachAndStart(ctx context.Context, id string, req RunRequest) (*output, error) {
	out, err := e.attach(ctx, id, req, false)
	if err != nil {
		return nil, e.attachFailure(ctx, id, err)
	}
	return out, e.start(ctx, id, cmp.Or(req.Grace, DefaultGrace))
}

// create makes the container. It cannot be cancelled, only bounded.
func (e *Engine) create(ctx context.Context, req RunRequest) (container.CreateResponse, error) {
	if ctx.Err() != nil {
		return container.CreateResponse{}, context.Cause(ctx)
	}
	exposed, bound, err := bindings(req.Ports)
	if err != nil {
		return container.CreateResponse{}, err
	}
	config := &container.Config{
		Image: req.Image, Cmd: req.Args, Env: req.Env, Labels: req.Labels, ExposedPorts: exposed,
		AttachStdout: true, AttachStderr: true, Healthcheck: e.health(req.Healthcheck),
	}
	host := &container.HostConfig{PortBindings: bound, NetworkMode: container.NetworkMode(req.Network)}
	created, err := e.createMarked(ctx, config, host, req.Name, req.Mark)
	if err != nil {
		return created, createFix(err, req)
	}
	return created, nil
}

// start starts the container. When ctx ends meanwhile, the engine has grace to answer: a program that runs is then asked to end.
func (e *Engine) start(ctx context.Context, id string, grace time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	limited, cancel := e.startContext(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	err := e.api.ContainerStart(limited, id, container.StartOptions{})
	if err != nil && ctx.Err() != nil && errors.Is(limited.Err(), context.Canceled) {
		return context.Cause(ctx)
	}
	return startFix(err)
}

// attachFailure finds the reason of a refused attach. podman prepares the container for it, as others do for its start;
// the client drops what it says when that fails. Starting then fails with the same reason, and tells it. Should it
// start nevertheless, it is removed at once.
func (e *Engine) attachFailure(ctx context.Context, id string, attachErr error) error {
	var silent *NoAnswerError
	if errors.As(attachErr, &silent) { // a program that nobody hears must not run
		return attachErr
	}
	if err := e.start(ctx, id, DefaultGrace); err != nil {
		return err
	}
	return attachErr
}

// health is the health check in the API's words; nil leaves the image's own.
func (e *Engine) health(h *Healthcheck) *container.HealthConfig {
	if h == nil {
		return nil
	}
	config := &container.HealthConfig{
		Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries,
	}
	if e.speaks("1.44") { // the client refuses it otherwise
		config.StartInterval = h.StartInterval
	}
	return config
}

// announce tells the caller what has started. Of the container it returns the program's path and how to stop it.
func (e *Engine) announce(ctx context.Context, created container.CreateResponse, req RunRequest) (path, stop string, err error) {
	ctx, cancel := detached(ctx, e.cleanup)
	defer cancel()
	info, err := e.api.ContainerInspect(ctx, created.ID)
	if err != nil {
		return "", "", fmt.Errorf("inspecting the container: %w", err)
	}
	started := Container{ID: created.ID, Warnings: created.Warnings}
	if info.NetworkSettings != nil {
		started.Ports = boundPorts(e.endpoint, info.NetworkSettings.Ports)
	}
	if req.Started != nil {
		req.Started(started)
	}
	stop = "SIGTERM"
	if info.Config != nil {
		stop = cmp.Or(info.Config.StopSignal, stop)
	}
	if info.ContainerJSONBase != nil {
		path = info.Path
	}
	return path, stop, nil
}

// remove removes the container, running or not. Somebody else may have done it or be at it.
func (e *Engine) remove(ctx context.Context, id string) error {
	ctx, cancel := detached(ctx, e.cleanup)
	defer cancel()
	err := e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	switch {
	case err == nil || errdefs.IsNotFound(err):
		return nil
	case errdefs.IsConflict(err): // the engine removes it already
		return e.awaitRemoval(ctx, id)
	}
	return fmt.Errorf("removing the container: %w", err)
}

// awaitRemoval returns when a container is gone that is being removed.
func (e *Engine) awaitRemoval(ctx context.Context, id string) error {
	for {
		_, err := e.api.ContainerInspect(ctx, id)
		if errdefs.IsNotFound(err) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("removing the container: the engine has not removed it within %v", e.cleanup)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// detached is a context for a request that must be made although ctx may have ended.
func detached(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.WithoutCancel(ctx), limit, &limitError{limit})
}

// startContext is a context for making or starting a container.
func (e *Engine) startContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return detached(ctx, e.waits.waits.Load().Answer+startExtra)
}

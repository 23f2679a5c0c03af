package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
)

const (
	// DefaultGrace is how long a program may take to exit after its stop signal. The docker command has the same default.
	DefaultGrace = 10 * time.Second
	// startExtra is added to Waits.Answer for making and starting a container, which can't be cancelled. If the engine does
	// not answer at all, Waits.Answer ends the request first.
	startExtra = time.Minute
	// cleanupTimeout limits every other request that is made even if the caller's context has ended.
	cleanupTimeout = 30 * time.Second
	// NoExit is the exit code if no program has exited.
	NoExit = -1
)

// RunRequest is a container that runs in the foreground, without a terminal and with empty standard input.
// Only Image is required.
type RunRequest struct {
	Image   string            // name or ID of an image that the engine has; nothing is pulled
	IDs     []string          // if set, Run fails if Image does not mean an image with one of these IDs, see LoadRequest
	Name    string            // the container's name; default: the engine invents one
	Args    []string          // arguments instead of the image's Cmd; the entrypoint stays
	Env     []string          // "KEY=value", over the image's own
	Ports   []Publish         // published ports
	Labels  map[string]string // the container's labels
	Network string            // "none", "host" or a network's name; default: the engine's bridge
	CapAdd  []string          // capabilities that the container may have, beyond the engine's defaults: "cap_net_admin"
	Mark    string            // from [NewMark], for RemoveMarked to find the container; default: a new one

	// Healthcheck replaces the image's. podman drops an image's own when it loads it.
	Healthcheck *Healthcheck

	// Stdout and Stderr get the program's output; nil discards it. One goroutine writes to both, until Run returns. If a
	// writer blocks for ever, Run does not return.
	Stdout, Stderr io.Writer

	// Signals are forwarded to the program: os.Interrupt, SIGTERM, SIGQUIT and SIGHUP; others are ignored. After one of the
	// first three the program has Grace to exit, and a second one kills it. If one of the three comes before the program
	// runs, Run returns 128 plus its number, at the latest when the engine has made the container. nil forwards none.
	Signals <-chan os.Signal
	// Grace is the time between the stop signal and SIGKILL. Default: DefaultGrace. The caller sets it because an image's
	// config has a stop signal but no stop time-out.
	Grace time.Duration

	// Started, if set, is called once when the program runs. If the program has already exited, no ports are set.
	Started func(Container)
}

// Healthcheck says how an engine checks the health of a program
// (https://docs.docker.com/reference/dockerfile/#healthcheck). Zero durations and retries mean the engine's defaults.
type Healthcheck struct {
	Test                           []string // {"CMD", program, args…}, {"NONE"}; an empty image has no shell for CMD-SHELL
	Interval, Timeout, StartPeriod time.Duration
	StartInterval                  time.Duration // for engines with API 1.44 or newer
	Retries                        int
}

// Container is a container that Run has started.
type Container struct {
	ID       string
	Ports    []Port   // the bound ports, in the order of container ports
	Warnings []string // from the engine
}

// Run runs a program in a new container until it exits, and returns its exit code. When Run returns, the container and its
// anonymous volumes are gone, in any case, and all output has been written.
//
// It is no error if the program exits by itself with any code. If signal n kills it, the code is 128+n. If ctx ends, the
// program gets the image's stop signal (SIGTERM by default), and SIGKILL after Grace; Run then returns the exit code and an
// error that wraps ctx's cause. A failing Stdout or Stderr also stops the program, and Run returns its
// error. If nothing ran, the code is NoExit.
//
// Ctrl-C often reaches a caller twice, as a signal and as the end of ctx. Both together send one stop signal; only a second
// signal kills.
func (e *Engine) Run(ctx context.Context, req RunRequest) (exitCode int, err error) {
	code, err := e.run(ctx, req)
	return code, e.Failed(fmt.Sprintf("running image %q", req.Image), err)
}

func (e *Engine) run(ctx context.Context, req RunRequest) (code int, err error) {
	early, signals, stop := listenEarly(ctx, req.Signals)
	defer stop()
	req.Signals = signals
	var ended *signalled
	created, err := e.create(early, req)
	if errors.As(err, &ended) {
		return ended.code(), nil
	}
	if err != nil {
		return NoExit, err
	}
	defer func() { err = errors.Join(err, e.remove(ctx, created.ID)) }()
	if err := e.checkImage(ctx, created.ID, req); err != nil {
		return NoExit, err
	}
	out, err := e.attachAndStart(early, created.ID, req)
	if out != nil {
		defer out.close()
	}
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

// checkImage checks that the container is made from the image that the caller means: another run may have taken its name.
func (e *Engine) checkImage(ctx context.Context, id string, req RunRequest) error {
	if len(req.IDs) == 0 {
		return nil
	}
	ctx, cancel := detached(ctx, e.cleanup)
	defer cancel()
	info, err := e.api.ContainerInspect(ctx, id)
	if err != nil {
		return fmt.Errorf("inspecting the container: %w", err)
	}
	if made := (Image{ID: canonicalID(info.Image)}); !made.Is(req.IDs...) {
		err := fmt.Errorf("%s now names the image %s, not %s", req.Image, made.ID, strings.Join(req.IDs, " or "))
		return Advise(err, "run it again; if it stays so, look whether something else loads or tags the same name")
	}
	return nil
}

// attachAndStart attaches to the program's output, then starts the program.
func (e *Engine) attachAndStart(ctx context.Context, id string, req RunRequest) (*output, error) {
	out, err := e.attach(ctx, id, req, false)
	if err != nil {
		return nil, e.attachFailure(ctx, id, err)
	}
	return out, e.start(ctx, id, cmp.Or(req.Grace, DefaultGrace))
}

// create makes the container.
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
	host := &container.HostConfig{PortBindings: bound, NetworkMode: container.NetworkMode(req.Network), CapAdd: req.CapAdd}
	created, err := e.createMarked(ctx, config, host, req.Name, req.Mark)
	if err != nil {
		return created, createFix(err, req)
	}
	return created, nil
}

// start starts the container. If ctx ends meanwhile, the engine has grace to answer, so that a running program gets its stop
// signal.
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

// attachFailure returns the reason for a failed attach. podman prepares the container when it attaches, other engines when
// they start it. If that fails, the client drops podman's message, so attachFailure starts the container to get the same
// error again. If the container does start, the caller removes it at once.
func (e *Engine) attachFailure(ctx context.Context, id string, attachErr error) error {
	var silent *NoAnswerError
	if errors.As(attachErr, &silent) { // the program must not run without an output
		return attachErr
	}
	if err := e.start(ctx, id, DefaultGrace); err != nil {
		return err
	}
	return attachErr
}

// health returns the health check in the form of the API. nil keeps the image's own.
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

// announce calls Started with the container, and returns the program's path and its stop signal.
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

// remove removes the container, running or not. Another process may have removed it or be removing it.
func (e *Engine) remove(ctx context.Context, id string) error {
	ctx, cancel := detached(ctx, e.cleanup)
	defer cancel()
	err := e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	switch {
	case err == nil || errdefs.IsNotFound(err):
		return nil
	case errdefs.IsConflict(err): // the engine is already removing it
		return e.awaitRemoval(ctx, id)
	}
	return fmt.Errorf("removing the container: %w", err)
}

// awaitRemoval waits until the engine has removed a container.
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

// detached returns a context for a request that must be made even if ctx has ended.
func detached(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.WithoutCancel(ctx), limit, &limitError{limit})
}

// startContext returns a context for making or starting a container.
func (e *Engine) startContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return detached(ctx, e.waits.waits.Load().Answer+startExtra)
}

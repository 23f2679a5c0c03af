package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
)

// DevRequest is one container that runs a program while it is being worked on: files of this machine take the place of
// what is in the image, and are replaced while the container runs. Image and Command are required.
type DevRequest struct {
	Image   string            // name or ID of an image that the engine has; nothing is pulled
	Name    string            // the container's name; default: the engine invents one
	Command []string          // path and arguments instead of the image's Entrypoint and Cmd; user, folder and the rest stay
	Env     []string          // "KEY=value", over the image's own
	Ports   []Publish         // published ports
	Labels  map[string]string // the container's labels
	Network string            // "none", "host" or a network's name; default: the engine's bridge

	// Healthcheck replaces the image's. podman drops an image's own when it loads it.
	Healthcheck *Healthcheck

	// Binds are the files of this machine.
	Binds []Bind
	// Scratch is an absolute path in the container where there is a folder in memory when the Binds are copied: everyone
	// may write to it and execute what is in it. "" makes none.
	Scratch string
	// Copy has them copied where they could be mounted as well.
	Copy bool

	// Stdout and Stderr get the container's output, separated; nil discards it. They are written to by one goroutine
	// and only until Remove returns. A writer that blocks for ever keeps Remove from returning.
	Stdout, Stderr io.Writer
}

// Bind is a folder or file of this machine in the container. Of a folder, files that are replaced by a rename are seen;
// a file stays the one that it was at the start.
type Bind struct {
	Host      string // path on this machine
	Container string // absolute path in the container
	ReadOnly  bool   // a mounted one cannot be written to in the container; a copy always can
}

// DevContainer is a container that StartDev has started. Its methods may be used concurrently, except Feed.
type DevContainer struct {
	Container
	// Copied is nil when the container has the Binds mounted. Else it has copies, and this is why.
	Copied error

	engine *Engine
	binds  []Bind
	skip   func(host string) bool // files that are not copied; nil is none
	sent   map[string]sentFile    // by path in the container: what was copied
	out    *output
	path   string // of what the engine executes

	end    context.CancelFunc // ends the wait
	exited chan struct{}      // closed when the container has ended
	status exitStatus         // how; read after exited
}

// StartDev creates and starts a container. The caller removes it, by Remove; when StartDev fails nothing is left. Its
// standard input ends with this process, however that ends, and the command should end with it: then the engine removes
// the container.
//
// The Binds are mounted where the engine sees this machine's files. Whether it does is not guessed from its address: a
// socket may lead into a virtual machine or a container, and a mount there shows an empty folder, or another one of the
// same name. The created container is asked for the latest file of each Bind, which must have the same size and time; so
// one of them should have been written lately. When it has not, or cannot be created or started with the mounts, another
// container is, with copies of the files.
//
// On a host with SELinux, mounts are for containers with a label; a container with mounts runs without.
func (e *Engine) StartDev(ctx context.Context, req DevRequest) (*DevContainer, error) {
	c, err := e.startDev(ctx, req)
	return c, e.Failed(fmt.Sprintf("starting a development container of image %q", req.Image), err)
}

func (e *Engine) startDev(ctx context.Context, req DevRequest) (*DevContainer, error) {
	var err error
	if req.Binds, err = checkBinds(req.Binds); err != nil {
		return nil, err
	}
	if len(req.Command) == 0 {
		return nil, Advise(errors.New("no command"), "give the request a Command")
	}
	reason := errors.New("copies were asked for")
	if !req.Copy {
		var c *DevContainer
		if c, reason = e.launch(ctx, req, nil); reason == nil || len(req.Binds) == 0 || ctx.Err() != nil {
			return c, reason
		}
	}
	// Only the second failure is told: a cause that has to do with mounts is no cause there.
	return e.launch(ctx, req, reason)
}

// checkBinds gives the Binds with complete paths. An engine would make folders that are missing.
func checkBinds(binds []Bind) ([]Bind, error) {
	checked := make([]Bind, len(binds))
	for i, b := range binds {
		host, err := filepath.Abs(b.Host)
		if err != nil {
			return nil, fmt.Errorf("binding %q: %w", b.Host, err)
		}
		if _, err := os.Stat(host); err != nil {
			return nil, Advise(fmt.Errorf("binding %q: %w", b.Host, errors.Unwrap(err)), "make the folder or file first")
		}
		if !path.IsAbs(b.Container) || path.Clean(b.Container) == "/" {
			err := fmt.Errorf("binding %q to %q: not an absolute path below the root", b.Host, b.Container)
			return nil, Advise(err, "give a path like /dev-files")
		}
		b.Host, b.Container = host, path.Clean(b.Container)
		checked[i] = b
	}
	return checked, nil
}

// launch creates and starts a container: with copies when there is a reason for them, else with mounts.
func (e *Engine) launch(ctx context.Context, req DevRequest, copied error) (c *DevContainer, err error) {
	created, err := e.createDev(ctx, req, copied == nil)
	if err != nil {
		return nil, err
	}
	c = &DevContainer{Copied: copied, engine: e, binds: req.Binds, sent: map[string]sentFile{}}
	c.Container = Container{ID: created.ID, Warnings: created.Warnings}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove(ctx))
			c = nil
		}
	}()
	if err := c.furnish(ctx); err != nil {
		return c, err
	}
	streams := RunRequest{Stdout: req.Stdout, Stderr: req.Stderr}
	if c.out, err = e.attach(ctx, c.ID, streams, true); err != nil {
		return c, e.attachFailure(ctx, c.ID, err)
	}
	if err := e.start(ctx, c.ID, DefaultGrace); err != nil {
		return c, err
	}
	c.path, _, err = e.announce(ctx, created, RunRequest{Started: func(started Container) { c.Container = started }})
	if errdefs.IsNotFound(err) { // it has ended already, and is removed: what it has said tells why
		drainErr := c.out.drain(ctx)
		return c, cmp.Or(c.out.execFailure(req.Command[0]), errors.Join(notRunning(err), drainErr))
	}
	if err != nil {
		return c, err
	}
	c.watch(ctx)
	return c, nil
}

// furnish makes sure that the container has the files.
func (c *DevContainer) furnish(ctx context.Context) error {
	if c.Copied == nil {
		return c.prove(ctx)
	}
	return c.sync(ctx)
}

// createDev makes the container. Like create it is bounded and not cancelled.
func (e *Engine) createDev(ctx context.Context, req DevRequest, mounted bool) (container.CreateResponse, error) {
	if ctx.Err() != nil {
		return container.CreateResponse{}, context.Cause(ctx)
	}
	exposed, bound, err := bindings(req.Ports)
	if err != nil {
		return container.CreateResponse{}, err
	}
	config := &container.Config{
		Image: req.Image, Env: req.Env, Labels: req.Labels, ExposedPorts: exposed,
		Entrypoint: req.Command[:1], Cmd: req.Command[1:],
		AttachStdout: true, AttachStderr: true, Healthcheck: e.health(req.Healthcheck),
		OpenStdin: true, StdinOnce: true, AttachStdin: true, // its end is that of this process
	}
	host := &container.HostConfig{
		PortBindings: bound, NetworkMode: container.NetworkMode(req.Network), AutoRemove: true,
		Init: new(bool), // the command is PID 1, even where the engine's own default is an init of its own
	}
	if !mounted && req.Scratch != "" {
		host.Tmpfs = map[string]string{req.Scratch: "rw,exec,nosuid,nodev,mode=1777"}
	}
	if mounted && len(req.Binds) > 0 {
		host.Mounts, host.SecurityOpt = mounts(req.Binds), []string{"label=disable"}
	}
	created, err := e.createMarked(ctx, config, host, req.Name, "")
	if err != nil {
		return created, createFix(err, RunRequest{Name: req.Name})
	}
	return created, nil
}

// mounts is the Binds in the API's words. Not HostConfig.Binds: with those, dockerd makes folders that are missing.
func mounts(binds []Bind) []mount.Mount {
	list := make([]mount.Mount, len(binds))
	for i, b := range binds {
		list[i] = mount.Mount{Type: mount.TypeBind, Source: b.Host, Target: b.Container, ReadOnly: b.ReadOnly}
	}
	return list
}

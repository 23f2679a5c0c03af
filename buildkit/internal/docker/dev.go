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

// DevRequest is a container for developing a program: files of this machine replace files of the image, and may change
// while the container runs. Image and Command are required.
type DevRequest struct {
	Image   string            // name or ID of an image that the engine has; nothing is pulled
	Name    string            // the container's name; default: the engine invents one
	Command []string          // path and arguments instead of the image's Entrypoint and Cmd; the rest of the config stays
	Env     []string          // "KEY=value", over the image's own
	Ports   []Publish         // published ports
	Labels  map[string]string // the container's labels
	Network string            // "none", "host" or a network's name; default: the engine's bridge
	CapAdd  []string          // capabilities that the container may have, beyond the engine's defaults: "cap_net_admin"

	// Healthcheck replaces the image's. podman drops an image's own when it loads it.
	Healthcheck *Healthcheck

	// Binds are the files of this machine.
	Binds []Bind
	// Scratch is the absolute path of a folder in memory, which the container has if the Binds are copied. Everyone may write
	// to it and execute files in it. "" makes none.
	Scratch string
	// Copy has the Binds copied even if they could be mounted.
	Copy bool
	// Attributes are extended attributes of copied files, as PAX records, by path in the container. With some, the Binds are
	// copied: a mount shows this machine's files, where only root can set an attribute like security.capability.
	Attributes map[string]map[string]string

	// Stdout and Stderr get the container's output; nil discards it. One goroutine writes to both, until Remove returns. If a
	// writer blocks for ever, Remove does not return.
	Stdout, Stderr io.Writer
}

// Bind is a folder or file of this machine in the container. In a folder, the container sees files that a rename replaces.
// A bound file stays the one of the start.
type Bind struct {
	Host      string // path on this machine
	Container string // absolute path in the container
	ReadOnly  bool   // a mount is read-only; a copy is always writable
}

// DevContainer is a container that StartDev started. Its methods may be used concurrently, except Feed and Sync.
type DevContainer struct {
	Container
	// Copied is nil if the Binds are mounted. Else it is the reason for copies.
	Copied error

	engine     *Engine
	binds      []Bind
	attributes map[string]map[string]string // of the request
	skip       func(host string) bool       // reports files not to copy; nil copies all
	sent       map[string]sentFile          // the copied files, by path in the container
	out        *output
	path       string // the path of the program

	end    context.CancelFunc // ends the wait
	exited chan struct{}      // closed when the container has ended
	status exitStatus         // read after exited
}

// StartDev creates and starts a container. The caller must call Remove. If StartDev fails, it leaves nothing. When this
// process ends in any way, the container's standard input is closed. The command should then exit, and the engine removes
// the container.
//
// If the engine sees this machine's files, the Binds are mounted. The engine's address doesn't say whether it does: a
// socket may lead to a virtual machine or a container, and a mount there shows an empty folder, or another one of the same
// name. So StartDev compares the size and the time of the latest file in each Bind with the created container's. A recently
// written file makes this reliable. If they differ, or if the container can't be created or started with mounts, StartDev
// starts another container with copies of the files.
//
// On a host with SELinux, a container with mounts runs without an SELinux label.
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
	if len(req.Attributes) > 0 {
		reason = errors.New("a mounted file would lack its capabilities")
	}
	if !req.Copy && len(req.Attributes) == 0 {
		var c *DevContainer
		if c, reason = e.launch(ctx, req, nil); reason == nil || len(req.Binds) == 0 || ctx.Err() != nil {
			return c, reason
		}
	}
	// Only the error of the second attempt is returned: it can't be about mounts.
	return e.launch(ctx, req, reason)
}

// checkBinds returns the Binds with absolute paths. It fails if a path is missing, because an engine would create a folder.
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

// launch creates and starts a container: with copies if copied is a reason for them, else with mounts.
func (e *Engine) launch(ctx context.Context, req DevRequest, copied error) (c *DevContainer, err error) {
	created, err := e.createDev(ctx, req, copied == nil)
	if err != nil {
		return nil, err
	}
	c = &DevContainer{Copied: copied, engine: e, binds: req.Binds, attributes: req.Attributes, sent: map[string]sentFile{}}
	c.Container = Container{ID: created.ID, Warnings: created.Warnings}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove(ctx))
			c = nil
		}
	}()
	if err := c.populate(ctx); err != nil {
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
	if errdefs.IsNotFound(err) { // it has already ended and is removed: its output says why
		drainErr := c.out.drain(ctx)
		return c, cmp.Or(c.out.execFailure(req.Command[0]), errors.Join(notRunning(err), drainErr))
	}
	if err != nil {
		return c, err
	}
	c.watch(ctx)
	return c, nil
}

// populate copies the files to the container, or checks that the mounts show them.
func (c *DevContainer) populate(ctx context.Context) error {
	if c.Copied == nil {
		return c.prove(ctx)
	}
	return c.sync(ctx)
}

// createDev makes the container.
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
		OpenStdin: true, StdinOnce: true, AttachStdin: true, // it is closed when this process ends
	}
	host := &container.HostConfig{
		PortBindings: bound, NetworkMode: container.NetworkMode(req.Network), CapAdd: req.CapAdd, AutoRemove: true,
		Init: new(bool), // the command is PID 1, even if the engine's default is an init
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

// mounts returns the Binds in the form of the API. HostConfig.Binds would make dockerd create missing folders.
func mounts(binds []Bind) []mount.Mount {
	list := make([]mount.Mount, len(binds))
	for i, b := range binds {
		list[i] = mount.Mount{Type: mount.TypeBind, Source: b.Host, Target: b.Container, ReadOnly: b.ReadOnly}
	}
	return list
}

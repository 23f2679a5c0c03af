package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
)

// builderLabel is on every builder container, and tells nothing about it.
const builderLabel = "io.github.fromscratch-go.builder"

// cacheLabel is on the volumes that keep what builders have downloaded and compiled.
const cacheLabel = "io.github.fromscratch-go.cache"

// BuilderRequest is a container in which commands compile a program. Image and Attendant are required.
type BuilderRequest struct {
	Image  string // name or ID of an image that the engine has, see [Engine.Pull]
	Name   string // the container's; default: the engine invents one
	Labels map[string]string

	// Attendant is the static program of package attendant, for the engine's platform: it is PID 1, and lets commands be
	// ended. AttendantPath is where the container has it.
	Attendant     []byte
	AttendantPath string

	// Binds are the folders of this machine that the container sees at their places, with the contents that they have at
	// the moment. Unless Copy says so they are mounted, where the engine sees this machine's files.
	Binds []Bind
	Copy  bool
	// Proof is a folder in one of the Binds that may be made and written to for a moment, to see whether the engine has
	// this machine's files or a copy of them. Without it, or where it cannot be written to, their times and sizes tell.
	Proof string
	// Skip tells which files and folders of this machine are not copied. nil copies all.
	Skip func(host string) bool
	// Extra are mounted where the Binds are, and left out where these are copied: what a build can do without.
	Extra []Bind

	Volumes map[string]string // names of volumes by absolute path; the engine makes those that are missing
	Memory  []string          // folders that are kept in memory: what is in them is in no layer, also when the container is committed
	Folders []string          // empty folders to make
	Network string            // "none", "host" or a network's name; default: the engine's bridge
}

// Builder is a container that waits for commands. Its methods may be used concurrently.
//
// It lives as long as the connection that StartBuilder has opened to it: when this process ends, however, the container
// ends and the engine removes it.
type Builder struct {
	ID string
	// Copied is nil when the container has the Binds mounted. Else it has copies, which Sync renews, and this is why.
	Copied error

	engine *Engine
	req    BuilderRequest
	files  *DevContainer // sends files
	alive  types.HijackedResponse

	syncing sync.Mutex
}

// StartBuilder creates and starts a container, whose user is root. The caller removes it, by Remove; when StartBuilder
// fails nothing is left. How mounts are told from copies says [Engine.StartDev].
func (e *Engine) StartBuilder(ctx context.Context, req BuilderRequest) (*Builder, error) {
	b, err := e.startBuilder(ctx, req)
	return b, e.Failed(fmt.Sprintf("starting a builder container of image %q", req.Image), err)
}

func (e *Engine) startBuilder(ctx context.Context, req BuilderRequest) (*Builder, error) {
	if err := e.sweepBuilders(ctx); err != nil {
		return nil, err
	}
	var err error
	if req.Binds, err = checkBinds(req.Binds); err != nil {
		return nil, err
	}
	reason := errors.New("copies were asked for")
	if !req.Copy {
		var b *Builder
		if b, reason = e.launchBuilder(ctx, req, nil); reason == nil || ctx.Err() != nil {
			return b, reason
		}
	}
	return e.launchBuilder(ctx, req, reason)
}

// launchBuilder creates and starts a container: with copies when there is a reason for them, else with mounts.
func (e *Engine) launchBuilder(ctx context.Context, req BuilderRequest, copied error) (b *Builder, err error) {
	var mark *proof
	if copied == nil {
		mark = req.leaveProof()
	}
	created, err := e.createBuilder(ctx, req, copied == nil)
	if err != nil {
		return nil, errors.Join(err, mark.remove())
	}
	b = &Builder{ID: created.ID, Copied: copied, engine: e, req: req}
	b.files = &DevContainer{Container: Container{ID: created.ID}, Copied: copied, engine: e, binds: req.Binds, skip: req.Skip, sent: map[string]sentFile{}}
	defer func() {
		if err != nil {
			b, err = nil, errors.Join(err, b.remove(ctx))
		}
	}()
	if err := errors.Join(mark.check(ctx, b), mark.remove()); err != nil {
		return b, err
	}
	if err := b.furnish(ctx); err != nil {
		return b, err
	}
	b.alive, err = e.attachTo(ctx, b.ID, container.AttachOptions{Stream: true, Stdin: true})
	if err != nil {
		return b, e.attachFailure(ctx, b.ID, fmt.Errorf("attaching to the container: %w", err))
	}
	return b, e.start(ctx, b.ID, DefaultGrace)
}

// furnish puts the attendant, the folders and, where they are not mounted, the files into the created container.
func (b *Builder) furnish(ctx context.Context) error {
	if err := b.files.furnish(ctx); err != nil {
		return err
	}
	return b.files.send(ctx, func(w *tar.Writer) error {
		for _, dir := range b.req.Folders {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir[1:] + "/", Mode: 0o755}); err != nil {
				return err
			}
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: b.req.AttendantPath[1:], Mode: 0o755, Size: int64(len(b.req.Attendant))}
		return writeFile(w, header, bytes.NewReader(b.req.Attendant))
	})
}

// createBuilder makes the container. Like create it is bounded and not cancelled.
func (e *Engine) createBuilder(ctx context.Context, req BuilderRequest, mounted bool) (container.CreateResponse, error) {
	if ctx.Err() != nil {
		return container.CreateResponse{}, context.Cause(ctx)
	}
	labels := maps.Clone(req.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[builderLabel] = "true"
	config := &container.Config{
		Image: req.Image, Labels: labels, User: "0:0", WorkingDir: "/",
		Entrypoint: []string{req.AttendantPath}, Cmd: []string{"wait"},
		OpenStdin: true, StdinOnce: true, AttachStdin: true, // its end is the container's
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	host := &container.HostConfig{
		AutoRemove: true, Init: new(bool), NetworkMode: container.NetworkMode(req.Network), Tmpfs: map[string]string{},
	}
	for _, dir := range req.Memory {
		host.Tmpfs[dir] = "mode=0700"
	}
	if mounted {
		host.Mounts, host.SecurityOpt = mounts(slices.Concat(req.Binds, req.Extra)), []string{"label=disable"}
	}
	for _, target := range slices.Sorted(maps.Keys(req.Volumes)) {
		host.Mounts = append(host.Mounts, mount.Mount{
			Type: mount.TypeVolume, Source: req.Volumes[target], Target: target,
			VolumeOptions: &mount.VolumeOptions{Labels: map[string]string{cacheLabel: "true"}},
		})
	}
	ctx, cancel := e.startContext(ctx)
	defer cancel()
	created, err := e.createMarked(ctx, config, host, req.Name, "")
	if err != nil {
		return created, createFix(err, RunRequest{Name: req.Name})
	}
	return created, nil
}

// abandoned is how old a container must be that was created and never started, for nobody to be about to start it.
const abandoned = 10 * time.Minute

// sweepBuilders removes containers of runs that were killed between creating and starting one. Those that have started
// end with their run.
func (e *Engine) sweepBuilders(ctx context.Context) error {
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", builderLabel), filters.Arg("status", "created"))})
	if err != nil {
		return fmt.Errorf("looking for builder containers of earlier runs: %w", err)
	}
	for _, c := range list {
		if time.Since(time.Unix(c.Created, 0)) > abandoned {
			err = errors.Join(err, e.remove(ctx, c.ID))
		}
	}
	return err
}

// Sync copies what has changed in the Binds, and removes what is gone, where they are not mounted.
func (b *Builder) Sync(ctx context.Context) error {
	if b.Copied == nil {
		return nil
	}
	return b.failed("copying files into", b.sync(ctx))
}

func (b *Builder) sync(ctx context.Context) error {
	b.syncing.Lock()
	defer b.syncing.Unlock()
	found, err := b.files.files()
	if err != nil {
		return err
	}
	var gone []string
	for name := range b.files.sent {
		if _, ok := found[name]; !ok {
			gone = append(gone, name)
		}
	}
	if len(gone) > 0 {
		err := b.attend(ctx, nameList(gone), nil, "remove")
		if err != nil {
			return fmt.Errorf("removing what is gone: %w", err)
		}
		maps.DeleteFunc(b.files.sent, func(name string, _ sentFile) bool { return slices.Contains(gone, name) })
	}
	return b.files.sendChanged(ctx, found)
}

// Remove removes the container and all that was in it but for the volumes. It does so even when ctx has ended, within
// half a minute. Removing it again is no error.
func (b *Builder) Remove(ctx context.Context) error { return b.failed("removing", b.remove(ctx)) }

func (b *Builder) remove(ctx context.Context) error {
	err := b.engine.remove(ctx, b.ID)
	if b.alive.Conn != nil {
		b.alive.Close()
	}
	return err
}

// failed makes the error of an exported method.
func (b *Builder) failed(doing string, err error) error {
	return b.engine.Failed(fmt.Sprintf("%s the builder container %.12s", doing, b.ID), err)
}

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

// builderLabel marks builder containers. Its value has no meaning.
const builderLabel = "io.github.fromscratch-go.builder"

// cacheLabel marks the volumes that keep the builders' downloads and build cache.
const cacheLabel = "io.github.fromscratch-go.cache"

// BuilderRequest is a container in which commands compile a program. Image, Attendant and AttendantPath are required.
type BuilderRequest struct {
	Image  string // name or ID of an image that the engine has, see [Engine.Pull]
	Name   string // the container's name; default: the engine invents one
	Labels map[string]string

	// Attendant is the static program of package attendant for the engine's platform. It is PID 1 and can stop commands.
	// AttendantPath is its path in the container.
	Attendant     []byte
	AttendantPath string

	// Binds are folders of this machine that the container sees. They are mounted if the engine sees this machine's files,
	// else copied. Copy has them copied in any case.
	Binds []Bind
	Copy  bool
	// Proof is a folder in one of the Binds. StartBuilder may create it and writes a file there for a moment, to see whether
	// the engine has this machine's files or a copy of them. Without Proof, or if it is not writable, StartBuilder goes by the
	// files' times and sizes.
	Proof string
	// Skip reports whether a file or folder of this machine is not copied. nil copies all.
	Skip func(host string) bool
	// Extra are binds that a build can do without. They are mounted if the Binds are, and never copied.
	Extra []Bind

	Volumes map[string]string // names of volumes by absolute path; the engine creates missing ones
	Memory  []string          // folders in memory: their contents are in no layer, even if the container is committed
	Folders []string          // empty folders to create
	Network string            // "none", "host" or a network's name; default: the engine's bridge
}

// Builder is a container that waits for commands. Its methods may be used concurrently.
//
// The container ends with the connection that StartBuilder opened to it. When this process ends in any way, the container
// ends too, and the engine removes it.
type Builder struct {
	ID string
	// Copied is nil if the Binds are mounted. Else it is the reason for copies, which Sync updates.
	Copied error

	engine *Engine
	req    BuilderRequest
	files  *DevContainer // sends files
	alive  types.HijackedResponse

	syncing sync.Mutex
}

// StartBuilder creates and starts a container whose user is root. The caller must call Remove. If StartBuilder fails, it
// leaves nothing. See [Engine.StartDev] for how it chooses between mounts and copies.
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

// launchBuilder creates and starts a container: with copies if copied is a reason for them, else with mounts.
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
	if err := b.populate(ctx); err != nil {
		return b, err
	}
	b.alive, err = e.attachTo(ctx, b.ID, container.AttachOptions{Stream: true, Stdin: true})
	if err != nil {
		return b, e.attachFailure(ctx, b.ID, fmt.Errorf("attaching to the container: %w", err))
	}
	return b, e.start(ctx, b.ID, DefaultGrace)
}

// populate puts the attendant and the folders into the created container, and the files if they are not mounted.
func (b *Builder) populate(ctx context.Context) error {
	if err := b.files.populate(ctx); err != nil {
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

// createBuilder makes the container.
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
		OpenStdin: true, StdinOnce: true, AttachStdin: true, // the container ends when it is closed
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
	created, err := e.createMarked(ctx, config, host, req.Name, "")
	if err != nil {
		return created, createFix(err, RunRequest{Name: req.Name})
	}
	return created, nil
}

// abandoned is the age of a created container that nobody will start any more.
const abandoned = 10 * time.Minute

// sweepBuilders removes the containers of runs that were killed between creating and starting them. Started containers end
// with their run.
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

// Sync copies changed files of the Binds and removes those that are gone. It does nothing if the Binds are mounted.
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

// Remove removes the container and keeps the volumes. It does so even if ctx has ended, within half a minute. Removing it
// again is no error.
func (b *Builder) Remove(ctx context.Context) error { return b.failed("removing", b.remove(ctx)) }

func (b *Builder) remove(ctx context.Context) error {
	err := b.engine.remove(ctx, b.ID)
	if b.alive.Conn != nil {
		b.alive.Close()
	}
	return err
}

// failed returns the error of an exported method.
func (b *Builder) failed(doing string, err error) error {
	return b.engine.Failed(fmt.Sprintf("%s the builder container %.12s", doing, b.ID), err)
}

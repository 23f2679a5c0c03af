package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/attendant"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/sysroot"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Builder is a builder image and its container, which is started on demand. It is the [gobuild.Runner] of its programs and
// the [sysroot.Source] of their libraries.
type Builder struct {
	owner   *Builders
	engine  *docker.Engine
	at      string // the engine's address
	image   docker.Image
	Ref     string     // the image as the Config names it
	HostGo  gobuild.Go // the go command of this machine
	folders []string   // of sources
	root    string     // of the module
	report  report.Report

	wishes wishes // of the Config, about the user's logins
	origin string // where that Config was written

	mu        sync.Mutex
	container *docker.Builder // nil if none runs
	settings  map[string]string
	need      need     // the logins that the container needs
	gitConfig string   // with the user's insteadOf
	has       []string // the logins that the container was lent, for people
	fsys      *sysroot.FS
	modules   map[string]*sysroot.FS // opened modules, by name
}

// Of returns a builder with known files: host is the engine's address, folders are the source folders that its container
// sees, and sys is the image's file system. It starts no container.
func Of(image docker.Image, ref, host string, folders []string, sys *sysroot.FS) *Builder {
	return &Builder{owner: &Builders{}, image: image, Ref: ref, at: host, folders: folders, fsys: sys}
}

// Name returns the name and ID of the image for people.
func (b *Builder) Name() string { return fmt.Sprintf("%s (%.19s)", b.Ref, b.image.ID) }

// Host returns the address of the engine that compiles.
func (b *Builder) Host() string { return b.at }

// Digest returns the image's digest in registries. ok is false if the engine knows none.
func (b *Builder) Digest() (digest string, ok bool) { return b.image.Digest(b.Ref) }

// ID returns the image's ID without the name of its algorithm.
func (b *Builder) ID() string { return strings.TrimPrefix(b.image.ID, "sha256:") }

// start returns the container. It starts one if none runs.
func (b *Builder) start(ctx context.Context) (*docker.Builder, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.container != nil {
		return b.container, nil
	}
	if b.engine == nil {
		return nil, &report.EngineError{Err: fmt.Errorf("starting a container of %s: there is no engine", b.Name())}
	}
	if err := b.ask(ctx); err != nil {
		return nil, err
	}
	program, err := b.attendant(ctx)
	if err != nil {
		return nil, err
	}
	done := b.report.Step(b.Ref, "builder", "starting a container")
	c, err := b.engine.StartBuilder(ctx, b.request(program))
	if err == nil {
		if err = b.lend(ctx, c); err != nil {
			err = errors.Join(err, c.Remove(ctx))
		}
	}
	words := "started"
	if err == nil && len(b.has) > 0 {
		words += ", with " + strings.Join(b.has, ", ")
	}
	if err == nil && c.Copied != nil && !b.owner.Copy {
		words += ", with copies of the sources (" + strings.ReplaceAll(c.Copied.Error(), "\n", "; ") + ")"
	}
	done(words, err)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, &report.EngineError{Err: err}
	}
	if why := b.withoutAgent(c); why != "" {
		b.report.Note(b.Ref, "builder", "warning: the container cannot use your SSH agent: "+why+"\nfix: use a netrc for private modules, or \"go mod vendor\"; unset SSH_AUTH_SOCK to silence this")
	}
	b.container = c
	return c, nil
}

// request returns the container to start.
func (b *Builder) request(program []byte) docker.BuilderRequest {
	prefix := b.owner.Prefix
	if prefix == "" {
		prefix = "fromscratch"
	}
	r := docker.BuilderRequest{
		Image: b.image.ID, Attendant: program, AttendantPath: attendant.Path, Copy: b.owner.Copy,
		Labels: map[string]string{docker.NameLabel: "builder", prefix: "builder"},
		Skip:   func(host string) bool { return filepath.Base(host) == ".git" || dist.Folder(host).Ours() },
		Volumes: map[string]string{
			// Each image has its own caches: the go command does not notice different C headers and libraries, and does
			// not check unpacked modules against go.sum again. Only the complete ID identifies an image.
			inside("cache"): prefix + "-gocache-" + b.ID(),
			inside("mod"):   prefix + "-gomodcache-" + b.ID(),
		},
		Memory: []string{inside("home")}, Folders: []string{insideRoot, inside("out")},
		Extra: b.sharedMounts(), Proof: filepath.Join(b.root, "dist"),
	}
	if b.owner.Anew {
		delete(r.Volumes, inside("cache"))
		r.Folders = append(r.Folders, b.goCache())
	}
	for _, dir := range b.folders {
		r.Binds = append(r.Binds, docker.Bind{Host: dir, Container: dir, ReadOnly: true})
	}
	return r
}

// goCache returns the folder in the container for what was compiled. To compile everything anew, it is one that nobody has.
func (b *Builder) goCache() string {
	if b.owner.Anew {
		return inside("anew")
	}
	return inside("cache")
}

// attendant returns PID 1 of the container, the program that runs its commands, for the engine's platform.
func (b *Builder) attendant(ctx context.Context) ([]byte, error) {
	p, err := b.engine.Platform(ctx)
	if err != nil {
		return nil, &report.EngineError{Err: err}
	}
	return b.attendantFor(ctx, p)
}

// attendantFor is attendant for a platform. This machine's go command compiles it once.
func (b *Builder) attendantFor(ctx context.Context, t gobuild.Target) ([]byte, error) {
	if err := os.MkdirAll(b.owner.Cache, 0o755); err != nil {
		return nil, fmt.Errorf("making the cache for builders: %w", err)
	}
	program, err := attendant.Program.Compile(ctx, b.HostGo, b.owner.Cache, t)
	if err != nil {
		return nil, fmt.Errorf("compiling PID 1 of the builder container: %w", err)
	}
	return program, nil
}

// close removes the container.
func (b *Builder) close(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.container == nil {
		return nil
	}
	err := b.container.Remove(ctx)
	b.container = nil
	return err
}

// forget makes the next command start another container if err says that this one has ended. It returns err.
func (b *Builder) forget(c *docker.Builder, err error) error {
	if errors.Is(err, docker.ErrNotRunning) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.container == c {
			b.container = nil
		}
	}
	return err
}

// Run runs a command in the container with the current sources. If the container has ended, which may happen when imageDev
// keeps it for hours, it tries once more in a new one.
func (b *Builder) Run(ctx context.Context, c gobuild.Command) error {
	code, err := b.exec(ctx, c)
	if errors.Is(err, docker.ErrNotRunning) && ctx.Err() == nil {
		code, err = b.exec(ctx, c)
	}
	if err != nil {
		return err
	}
	switch code {
	case 0:
		return nil
	case attendant.NotFound:
		return &report.ConfigError{Err: fmt.Errorf("the Build.Container %q has no command %q\nfix: name an image that has it, such as golang:1.26-bookworm", b.Ref, c.Args[0])}
	}
	return &gobuild.ExitError{Code: code}
}

// exec is Run without the second try. It returns the exit code.
func (b *Builder) exec(ctx context.Context, c gobuild.Command) (int, error) {
	box, err := b.start(ctx)
	if err != nil {
		return 0, err
	}
	err = box.Sync(ctx)
	code := 0
	if err == nil {
		code, err = box.Exec(ctx, docker.BuilderCommand{Args: c.Args, Env: lastOf(c.Env), Dir: c.Dir, Stdout: bound(c.Stdout), Stderr: bound(c.Stderr)})
	}
	if err := b.forget(box, err); err != nil {
		return 0, b.failed(ctx, err)
	}
	return code, nil
}

// failed returns err as an EngineError, or as it is if ctx has ended.
func (b *Builder) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return &report.EngineError{Err: err}
}

// Look finds a command in the PATH of env in the container.
func (b *Builder) Look(ctx context.Context, env []string, name string) (string, error) {
	box, err := b.start(ctx)
	if err != nil {
		return "", err
	}
	found, err := box.Look(ctx, lastOf(env), name)
	if err := b.forget(box, err); err != nil {
		return "", b.failed(ctx, err)
	}
	return found, nil
}

// Scratch returns the folder of the container for the output of commands.
func (b *Builder) Scratch() string { return inside("out") }

// Fetch reads a file that a command has written.
func (b *Builder) Fetch(ctx context.Context, name string, use func(io.Reader) error) error {
	box, err := b.start(ctx)
	if err != nil {
		return err
	}
	err = box.CopyOut(ctx, name, func(r io.Reader, _ int64, _ fs.FileMode) error { return use(r) })
	if err := b.forget(box, err); err != nil {
		return b.failed(ctx, err)
	}
	return nil
}

// Read reads files of the image.
func (b *Builder) Read(ctx context.Context, names []string, use func(string, io.Reader) error) error {
	box, err := b.start(ctx)
	if err != nil {
		return err
	}
	if err := b.forget(box, box.Read(ctx, names, use)); err != nil {
		return b.failed(ctx, err)
	}
	return nil
}

// List lists the names that the image has.
func (b *Builder) List(ctx context.Context, w io.Writer) error {
	box, err := b.start(ctx)
	if err != nil {
		return err
	}
	// Files that commands write there are not part of the image.
	if err := b.forget(box, box.List(ctx, w, "/", "/tmp", "/var/tmp")); err != nil {
		return b.failed(ctx, err)
	}
	return nil
}

// cacheDir returns the folder of this machine with the image's files. In the containerd image store, the ID of a pulled
// image may be that of all its platforms, so the folder's name also has the platform. The image itself states its platform,
// which must not lead to the folder of another image.
func (b *Builder) cacheDir() string {
	name := element(b.ID())
	for _, part := range []string{b.image.Platform.OS, b.image.Platform.Architecture, b.image.Platform.Variant} {
		if part != "" {
			name += "-" + element(part)
		}
	}
	return filepath.Join(b.owner.Cache, "sysroot", name)
}

// element escapes a text for use in an element of a path. The result has no separators and no dots.
func element(text string) string { return strings.ReplaceAll(url.PathEscape(text), ".", "%2E") }

// sys returns the image's file system, which is cached by the image's ID and platform. The end of ctx does not end later
// fetches.
func (b *Builder) sys(ctx context.Context) (*sysroot.FS, error) {
	b.mu.Lock()
	have := b.fsys
	b.mu.Unlock()
	if have != nil {
		return have, nil
	}
	opened, err := sysroot.Open(context.WithoutCancel(ctx), b.cacheDir(), b)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fsys == nil { // another goroutine may have opened it
		b.fsys = opened
	}
	return b.fsys, nil
}

// hostFile returns the path on this machine of a file of the image: of the first of some places that has a regular file, ""
// if none has.
func (b *Builder) hostFile(ctx context.Context, places ...string) (string, error) {
	sys, err := b.sys(ctx)
	if err != nil {
		return "", err
	}
	for _, place := range places {
		real, _, err := ldd.Follow(sys, place)
		if err != nil {
			continue // it is not there
		}
		if info, err := sys.Lstat(strings.TrimPrefix(real, "/")); err == nil && info.Mode().IsRegular() {
			return sys.Host(strings.TrimPrefix(real, "/"))
		}
	}
	return "", nil
}

// Bundle returns the path on this machine of the image's certificates, "" if it has none.
func (b *Builder) Bundle(ctx context.Context) (string, error) {
	return b.hostFile(ctx, rootfs.BundlePlaces()...)
}

// Zones returns a folder of this machine that has the time zones of the image's Go like a GOROOT; "" if there are none.
func (b *Builder) Zones(ctx context.Context, goroot string) (string, error) {
	const archive = "/lib/time/zoneinfo.zip"
	file, err := b.hostFile(ctx, goroot+archive)
	root, ok := strings.CutSuffix(filepath.ToSlash(file), archive)
	if err != nil || !ok {
		return "", err
	}
	return root, nil
}

// lastOf keeps only the last variable of each name: engines differ in which one counts.
func lastOf(env []string) []string {
	last := map[string]int{}
	for i, v := range env {
		name, _, _ := strings.Cut(v, "=")
		last[name] = i
	}
	var kept []string
	for i, v := range env {
		if name, _, _ := strings.Cut(v, "="); last[name] == i {
			kept = append(kept, v)
		}
	}
	return kept
}

var _ interface {
	gobuild.Runner
	sysroot.Source
} = (*Builder)(nil)

package buildkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit/attendant"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
	"github.com/fromscratch-go/fromscratch/buildkit/sysroot"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// builder is a builder image with the container that is made of it when somebody needs one. It is the [gobuild.Runner]
// of its programs and the [sysroot.Source] of their libraries.
type builder struct {
	owner   *Builders
	engine  *docker.Engine
	image   docker.Image
	ref     string     // as a Config has it
	host    gobuild.Go // the go command of this machine
	folders []string   // of sources
	root    string     // of the module
	report  Report

	wishes wishes // about the user's logins
	origin string // of them

	mu        sync.Mutex
	container *docker.Builder // nil when none runs
	settings  map[string]string
	need      need     // of the user's logins
	gitConfig string   // with the user's insteadOf
	has       []string // what the container was lent, for people
	fsys      *sysroot.FS
}

// name is the image for people.
func (b *builder) name() string { return fmt.Sprintf("%s (%.19s)", b.ref, b.image.ID) }

// id is the image's ID without the name of its algorithm.
func (b *builder) id() string { return strings.TrimPrefix(b.image.ID, "sha256:") }

// start returns the container, which is started when none runs.
func (b *builder) start(ctx context.Context) (*docker.Builder, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.container != nil {
		return b.container, nil
	}
	if err := b.ask(ctx); err != nil {
		return nil, err
	}
	program, err := b.attendant(ctx)
	if err != nil {
		return nil, err
	}
	done := b.report.Step(b.ref, "builder", "starting a container")
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
		return nil, &EngineError{Err: err}
	}
	if why := b.withoutAgent(c); why != "" {
		b.report.Note(b.ref, "builder", "warning: the builder has not your SSH agent: "+why+"\nfix: let private modules come with a netrc, or by \"go mod vendor\"; unset SSH_AUTH_SOCK to hear this no more")
	}
	b.container = c
	return c, nil
}

// request is the container that is wanted.
func (b *builder) request(program []byte) docker.BuilderRequest {
	prefix := b.owner.Prefix
	if prefix == "" {
		prefix = "fromscratch"
	}
	r := docker.BuilderRequest{
		Image: b.image.ID, Attendant: program, AttendantPath: attendant.Path, Copy: b.owner.Copy,
		Labels: map[string]string{markLabel: "builder", prefix: "builder"},
		Skip:   func(host string) bool { return filepath.Base(host) == ".git" || Dist(host).Ours() },
		Volumes: map[string]string{
			// Each image has its own: the go command does not notice that headers and libraries of C differ, and it
			// compiles unpacked modules without comparing them with go.sum again. Only the whole ID names one image.
			inside("cache"): prefix + "-gocache-" + b.id(),
			inside("mod"):   prefix + "-gomodcache-" + b.id(),
		},
		Memory: []string{inside("home")}, Folders: []string{insideRoot, inside("out")},
		Extra: b.lent(), Proof: filepath.Join(b.root, "dist"),
	}
	for _, dir := range b.folders {
		r.Binds = append(r.Binds, docker.Bind{Host: dir, Container: dir, ReadOnly: true})
	}
	return r
}

// attendant returns the program that attends to commands in the container, for the engine's platform.
func (b *builder) attendant(ctx context.Context) ([]byte, error) {
	p, err := b.engine.Platform(ctx)
	if err != nil {
		return nil, &EngineError{Err: err}
	}
	return b.attendantFor(ctx, p)
}

// attendantFor is attendant for a platform. It is compiled by the go command of this machine, once.
func (b *builder) attendantFor(ctx context.Context, t gobuild.Target) (program []byte, err error) {
	file := filepath.Join(b.owner.Cache, fmt.Sprintf("attendant-%x-%s", sha256.Sum256([]byte(attendant.Source)), strings.ReplaceAll(t.String(), "/", "-")))
	if text, err := record.ReadSealed(file); err == nil {
		return []byte(text), nil
	}
	if err := os.MkdirAll(b.owner.Cache, 0o755); err != nil {
		return nil, fmt.Errorf("making the cache for builders: %w", err)
	}
	work, err := os.MkdirTemp(b.owner.Cache, ".attendant-")
	if err != nil {
		return nil, fmt.Errorf("compiling PID 1 of the builder container: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	err = errors.Join(
		os.WriteFile(filepath.Join(work, "go.mod"), []byte("module attendant\n\ngo 1.23\n"), 0o644),
		os.WriteFile(filepath.Join(work, "main.go"), []byte(attendant.Source), 0o644))
	if err != nil {
		return nil, fmt.Errorf("compiling PID 1 of the builder container: %w", err)
	}
	g := gobuild.Go{Dir: work, Env: slices.Concat(b.host.Env, []string{"GOWORK=off", "GOFLAGS="})}
	made, err := g.Build(ctx, gobuild.Request{
		Main: gobuild.Main{ImportPath: "attendant"}, Output: filepath.Join(work, "attendant"), Target: t,
		Options: gobuild.Options{CGO: gobuild.Off},
	})
	if err != nil {
		return nil, fmt.Errorf("compiling PID 1 of the builder container: %w", err)
	}
	if program, err = os.ReadFile(made.Path); err != nil {
		return nil, err
	}
	return program, dist.Replace(file, record.Seal(string(program)))
}

// close removes the container.
func (b *builder) close(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.container == nil {
		return nil
	}
	err := b.container.Remove(ctx)
	b.container = nil
	return err
}

// forget lets the next command start another container when this one has ended.
func (b *builder) forget(c *docker.Builder, err error) error {
	if errors.Is(err, docker.ErrNotRunning) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.container == c {
			b.container = nil
		}
	}
	return err
}

// Run runs a command in the container, with the sources as they are now. When the container has ended, as one that
// imageDev keeps for hours may, it does so in another one, once.
func (b *builder) Run(ctx context.Context, c gobuild.Command) error {
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
		return &ConfigError{Err: fmt.Errorf("the Builder %q has no command %q\nfix: name an image that has it, such as golang:1.26-bookworm", b.ref, c.Args[0])}
	}
	return &gobuild.ExitError{Code: code}
}

// exec is Run in the container that there is.
func (b *builder) exec(ctx context.Context, c gobuild.Command) (int, error) {
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

// failed is the error of an engine, or of who did not want to wait for it.
func (b *builder) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return &EngineError{Err: err}
}

// Look finds a command in the container.
func (b *builder) Look(ctx context.Context, env []string, name string) (string, error) {
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

// Scratch is where commands write.
func (b *builder) Scratch() string { return inside("out") }

// Fetch reads a file that a command has written.
func (b *builder) Fetch(ctx context.Context, name string, use func(io.Reader) error) error {
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
func (b *builder) Read(ctx context.Context, names []string, use func(string, io.Reader) error) error {
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
func (b *builder) List(ctx context.Context, w io.Writer) error {
	box, err := b.start(ctx)
	if err != nil {
		return err
	}
	// What commands write there is not of the image.
	if err := b.forget(box, box.List(ctx, w, "/", "/tmp", "/var/tmp")); err != nil {
		return b.failed(ctx, err)
	}
	return nil
}

// kept is the folder of this machine where files of the image are. The ID of an image that was pulled may be that of the
// list of its platforms, in the containerd image store: it says what the image is on one of them only. The platform is what
// the image says of itself: it must not lead to the folder of another image.
func (b *builder) kept() string {
	name := element(b.id())
	for _, part := range []string{b.image.Platform.OS, b.image.Platform.Architecture, b.image.Platform.Variant} {
		if part != "" {
			name += "-" + element(part)
		}
	}
	return filepath.Join(b.owner.Cache, "sysroot", name)
}

// element is a text as an element of a path, or a part of one: it has neither separators nor dots.
func element(text string) string { return strings.ReplaceAll(url.PathEscape(text), ".", "%2E") }

// sys is the image's file system, kept by the image's ID and platform. ctx ends what is fetched later, too.
func (b *builder) sys(ctx context.Context) (*sysroot.FS, error) {
	b.mu.Lock()
	have := b.fsys
	b.mu.Unlock()
	if have != nil {
		return have, nil
	}
	opened, err := sysroot.Open(context.WithoutCancel(ctx), b.kept(), b)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fsys = opened
	return opened, nil
}

// hostFile returns a file of the image on this machine, by the first of some paths that leads to one; "" when none does.
func (b *builder) hostFile(ctx context.Context, places ...string) (string, error) {
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

// bundle returns the image's certificates on this machine, "" when it has none.
func (b *builder) bundle(ctx context.Context) (string, error) {
	return b.hostFile(ctx, rootfs.BundlePlaces()...)
}

// zones returns a folder of this machine that has the time zones of the image's Go, as a GOROOT has them; "" for none.
func (b *builder) zones(ctx context.Context, goroot string) (string, error) {
	const archive = "/lib/time/zoneinfo.zip"
	file, err := b.hostFile(ctx, goroot+archive)
	root, ok := strings.CutSuffix(filepath.ToSlash(file), archive)
	if err != nil || !ok {
		return "", err
	}
	return root, nil
}

// lastOf keeps the last of variables with one name: engines do not agree which of them counts.
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
} = (*builder)(nil)

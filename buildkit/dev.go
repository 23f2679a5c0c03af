package buildkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/supervisor/report"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
)

// devFolder is where a development container has the supervisor and the program, and
// devMemory where the supervisor writes the programs that it is sent.
const (
	devFolder = "/.fromscratch"
	devMemory = "/.fromscratch-received"
)

// supervisorPackage is PID 1 of development containers.
const supervisorPackage = "github.com/fromscratch-go/fromscratch/buildkit/supervisor"

// Dev is a development container: the program of an image, which is replaced while
// it is worked on. Nothing of it is in the image.
type Dev struct {
	plan      Plan
	engine    *docker.Engine
	ids       []string // what the engine may call the image
	container *docker.DevContainer
	program   program           // what the container was made for
	moved     bool              // the program runs in devFolder, where it can be replaced
	headers   map[string]string // of the Go files that it was made from, see headerSum
	events    chan report.Event
	run       int         // of the program, as last told
	ended     atomic.Bool // the program has, and was not started again
	splitter  report.Splitter
	health    devHealth
}

// program is what decides whether a new program can take the place of another one in
// its container: that it asks the image for the same.
type program struct{ face, needs string }

// DevRequest says how a development container is run.
type DevRequest struct {
	Module         string   // folder of the module that requires this one: the supervisor is compiled there
	Args           []string // instead of the image's Cmd; nil keeps it
	Copy           bool     // copies the program where it could be mounted as well
	Stdout, Stderr io.Writer
	// Event hears of each start and end of the program, from one goroutine.
	Event func(report.Event)
	// Health hears what the health check says of the program, if there is one, from another goroutine.
	Health func(docker.Verdict)
}

// Develop runs the image, which the engine must have, in a development container.
// The caller closes what it returns.
func (b *Built) Develop(ctx context.Context, engine *docker.Engine, r DevRequest) (*Dev, error) {
	d := &Dev{plan: b.Plan, engine: engine, ids: b.result().IDs(), events: make(chan report.Event, 64)}
	var err error
	if d.program, err = programOf(b.Binary.Path, b.linked); err != nil {
		return nil, err
	}
	if d.headers = b.headers(); b.Plan.Hooks.Before {
		d.headers = nil // what Before makes of a change is not known
	}
	d.moved = b.movable(ctx)
	if err := d.furnish(ctx, r); err != nil {
		return nil, err
	}
	words := b.Plan.Config.Entrypoint
	if r.Args != nil {
		words = slices.Concat(words, r.Args)
	} else {
		words = slices.Concat(words, b.Plan.Config.Cmd)
	}
	d.health.starts = make(chan time.Time, 1)
	d.splitter = report.Splitter{Program: r.Stderr, Event: func(e report.Event) {
		r.Event(e)
		d.ended.Store(e.Kind != report.Started)
		d.health.began(e)
		select {
		case d.events <- e:
		default: // nobody waits for so many
		}
	}}
	image := b.Deliverable()
	d.container, err = engine.StartDev(ctx, docker.DevRequest{
		Image: image.Reference, Command: d.supervised(words), Labels: map[string]string{docker.NameLabel: b.Plan.Name},
		Ports: image.ports(), Healthcheck: d.healthcheck(image), Copy: r.Copy,
		Binds:   []docker.Bind{{Host: b.Plan.Dist().Dev(), Container: devFolder, ReadOnly: true}},
		Scratch: devMemory,
		Stdout:  r.Stdout, Stderr: &d.splitter,
	})
	if err != nil {
		return nil, &EngineError{Err: err}
	}
	b.tellDev(d.container)
	if image.healthcheck() != nil {
		d.health.follow(ctx, d.container, r.Health)
	}
	// Before it has told of its first start the supervisor does not hear: the kernel
	// keeps signals from a PID 1 that does not listen yet.
	if err := d.started(ctx); err != nil {
		return nil, errors.Join(err, d.Close(ctx))
	}
	return d, nil
}

// movable tells whether the program can run in devFolder and devMemory: it is what the
// Entrypoint names, and finds its libraries from there as well, which one with $ORIGIN
// in its search path does not.
func (b *Built) movable(ctx context.Context) bool {
	if b.Plan.Config.Entrypoint[0] != b.Plan.Program() {
		return false
	}
	env, err := b.environment()
	for _, dir := range []string{devFolder, devMemory} {
		p := ldd.Program{Path: dir + "/" + b.Plan.Name, File: b.Binary.Path}
		if err == nil {
			_, err = ldd.Resolve(ctx, b.Tree, p, env)
		}
	}
	return err == nil
}

// supervised is the command with the supervisor in front, and the program in the
// place where it is replaced.
func (d *Dev) supervised(words []string) []string {
	words = slices.Clone(words)
	if d.moved {
		words[0] = devFolder + "/" + d.plan.Name
	}
	command := []string{devFolder + "/supervisor", "-receive", devMemory}
	if s := d.plan.Config.StopSignal; s != "" {
		command = append(command, "-stop", s)
	}
	return append(command, words...)
}

// healthcheck is the image's. One that is the program itself is one of the program that runs,
// which is not the one in the image any more.
func (d *Dev) healthcheck(image Deliverable) *docker.Healthcheck {
	h := image.healthcheck()
	if h == nil || !d.moved || len(h.Test) < 2 || h.Test[1] != d.plan.Program() {
		return h
	}
	h.Test = slices.Concat(h.Test[:1], []string{devFolder + "/supervisor", "-run", devMemory, devFolder + "/" + d.plan.Name}, h.Test[2:])
	return h
}

// tellDev says where the program is reached, and how it is replaced.
func (b *Built) tellDev(c *docker.DevContainer) {
	for _, w := range c.Warnings {
		b.report.Note(b.Plan.Label(), "dev", "warning: "+w)
	}
	words := append([]string{"started " + c.ID[:12]}, published(c.Container)...)
	if c.Copied != nil {
		words = append(words, "the program is sent at each change ("+strings.ReplaceAll(c.Copied.Error(), "\n", "; ")+")")
	}
	b.report.Note(b.Plan.Label(), "dev", strings.Join(words, ", "))
}

// furnish makes the folder that the container sees: the supervisor and the program.
func (d *Dev) furnish(ctx context.Context, r DevRequest) error {
	dir := d.plan.Dist().Dev()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder of the development container: %w", err)
	}
	// The image's user has to get in, whatever the umask is.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	g := d.plan.Go
	if d.plan.Builder != nil {
		g = d.plan.Builder.HostGo
	}
	g.Dir = r.Module
	_, err := g.Build(ctx, gobuild.Request{
		Main: gobuild.Main{ImportPath: supervisorPackage}, Output: filepath.Join(dir, "supervisor"),
		Target: d.plan.Platform, Options: gobuild.Options{CGO: gobuild.Off},
	})
	if err != nil {
		return fmt.Errorf("compiling PID 1 of the development container: %w", err)
	}
	return errors.Join(os.Chmod(filepath.Join(dir, "supervisor"), 0o755), d.place())
}

// placed is where the container sees the program.
func (d *Dev) placed() string { return filepath.Join(d.plan.Dist().Dev(), d.plan.Name) }

// place puts the program where the container sees it, at once: it is another name of
// the same file, which the go command replaces and never writes to again.
func (d *Dev) place() error {
	temp := filepath.Join(d.plan.Dist().Dev(), ".new")
	err := errors.Join(fsx.Remove(temp), os.Chmod(d.plan.Executable(), 0o755))
	if err == nil {
		err = os.Link(d.plan.Executable(), temp)
	}
	if err == nil {
		err = os.Rename(temp, d.placed())
	}
	if err != nil {
		return fmt.Errorf("placing the program for the development container: %w", err)
	}
	return nil
}

// programOf looks at what the program asks the image for.
func programOf(path string, p *linked.Program) (program, error) {
	face, err := ldd.Interface(path)
	if err != nil {
		return program{}, err
	}
	if p == nil {
		return program{face: face}, nil
	}
	return program{face, fmt.Sprint(p.Needs())}, nil
}

// Wait returns when the container has ended, which it does not do by itself.
func (d *Dev) Wait(ctx context.Context) error {
	_, err := d.container.Wait(ctx)
	return err
}

// peace is how long the program has to end before it is killed.
const peace = 3 * time.Second

// Close ends the program, in peace if it likes, and removes the container, also when
// ctx has ended. The image goes with it when another one has its name by now.
func (d *Dev) Close(ctx context.Context) error {
	if err := d.remove(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), peace)
	defer stop()
	if err := d.engine.Retire(ctx, docker.NameLabel+"="+d.plan.Name, d.ids...); err != nil {
		return &EngineError{Err: err}
	}
	return nil
}

// remove is Close without the image.
func (d *Dev) remove(ctx context.Context) error {
	d.health.end()
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), peace)
	defer stop()
	if err := d.container.Signal(ctx, cmp.Or(d.plan.Config.StopSignal, "SIGTERM")); err == nil {
		_, _ = d.container.Wait(ctx) // however it ends, it is removed
	}
	if err := d.container.Remove(ctx); err != nil {
		return &EngineError{Err: err}
	}
	return d.splitter.Flush()
}

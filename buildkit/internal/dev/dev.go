// Package dev is about development containers: they run the program of an image under a supervisor, which replaces the program
// when its source changes. Input is the finished image and a [Request]; output is a [Container]. Nothing of it is in the image.
package dev

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/run"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	protocol "github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Paths in a development container.
const (
	folder           = "/.fromscratch"          // has the supervisor and the program
	received         = "/.fromscratch-received" // where the supervisor writes programs that are sent to it
	supervisorBinary = folder + "/supervisor"
)

// Request says how a development container is run.
type Request struct {
	Args           []string // instead of the image's Cmd; nil keeps it
	Copy           bool     // copies the program even if it could be mounted
	Stdout, Stderr io.Writer

	Report  report.Report                                     // receives notes about the container, its program and its health
	Compile func(ctx context.Context) (result.Program, error) // compiles the program again, to the same place
}

// Container is a development container. Its methods may not be used concurrently, except Wait.
type Container struct {
	plan      plan.Image
	compile   func(ctx context.Context) (result.Program, error)
	engine    *docker.Engine
	ids       []string // possible IDs of the image in the engine
	container *docker.DevContainer
	needs     needs             // of the program that the container was made for
	moved     bool              // the program runs in folder, where it can be replaced
	capable   bool              // the program's file has capabilities there, and only the engine can set them
	headers   map[string]string // of the Go files that the program was made from, see [state.Headers]
	word      string            // of the supervisor's reports: no text that the program writes is taken for one
	starts    starts
	health    health
}

// Start runs an image, which the engine must have, in a development container. The caller must call Close.
func Start(ctx context.Context, engine *docker.Engine, image result.Result, r Request) (*Container, error) {
	c := &Container{plan: image.Plan, compile: r.Compile, engine: engine, ids: image.IDs(), moved: canMove(ctx, image)}
	c.capable = c.moved && c.plan.Files.Capabilities != 0
	var err error
	if c.word, err = newWord(); err != nil {
		return nil, err
	}
	if c.needs, err = needsOf(image.Program); err != nil {
		return nil, err
	}
	if !c.plan.Hooks.Before { // its output may depend on any change
		c.headers = state.Headers(c.plan.Main)
	}
	if err := c.populate(ctx); err != nil {
		return nil, err
	}
	c.starts.events = make(chan protocol.Event, 64)
	c.health.starts = make(chan time.Time, 1)
	c.starts.splitter = protocol.Splitter{Word: c.word, Program: r.Stderr, Event: func(e protocol.Event) {
		c.noteEnd(r.Report, e)
		c.health.began(e)
		c.starts.add(e)
	}}
	config := image.Image.Config()
	c.container, err = engine.StartDev(ctx, docker.DevRequest{
		Image: c.plan.Reference, Command: c.command(r.Args), Labels: map[string]string{docker.NameLabel: c.plan.Name},
		Ports: run.Ports(config), Healthcheck: c.healthcheck(run.Healthcheck(config)), Copy: r.Copy,
		Binds:   []docker.Bind{{Host: c.plan.Dist().Dev(), Container: folder, ReadOnly: true}},
		Scratch: received, CapAdd: c.plan.Capabilities().Names(), Attributes: c.attributes(image),
		Stdout: r.Stdout, Stderr: &c.starts.splitter,
	})
	if err != nil {
		return nil, &report.EngineError{Err: err}
	}
	c.noteStart(r.Report)
	if config.Healthcheck != nil {
		c.health.follow(ctx, c.container, func(v docker.Verdict) { c.noteHealth(r.Report, v) })
	}
	// The supervisor gets no signals before it has reported its first start: the kernel drops those for a PID 1 without
	// handlers.
	if err := c.awaitStart(ctx); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	return c, nil
}

// newWord returns a random word.
func newWord() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("making the word of the supervisor's reports: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// canMove reports whether the program can run outside of its place in the image: the Entrypoint names it, and it finds its
// libraries from folder and received too. A program with $ORIGIN in its search path may not.
func canMove(ctx context.Context, image result.Result) bool {
	if image.Plan.Config.Entrypoint[0] != image.Plan.Program() {
		return false
	}
	env, err := libraries.Environment(image.Plan, image.Tree)
	for _, dir := range []string{folder, received} {
		p := ldd.Program{Path: dir + "/" + path.Base(image.Plan.Program()), File: image.Program.Path, Secure: image.Plan.Secure(image.Plan.Files.Capabilities)}
		if err == nil {
			_, err = ldd.Resolve(ctx, image.Tree, p, env)
		}
	}
	return err == nil
}

// attributes returns the capabilities of the program's file in folder, nil if it has none.
func (c *Container) attributes(image result.Result) map[string]map[string]string {
	e, _ := image.Tree.Lookup(c.plan.Program())
	if records := e.Header().PAXRecords; c.capable {
		return map[string]map[string]string{c.movedProgram(): records}
	}
	return nil
}

// command returns the supervisor's command line, with that of the program at its end. args replace the image's Cmd unless nil.
func (c *Container) command(args []string) []string {
	config := c.plan.Config
	if args == nil {
		args = config.Cmd
	}
	words := slices.Concat(config.Entrypoint, args)
	if c.moved {
		words[0] = c.movedProgram()
	}
	command := []string{supervisorBinary, "-receive", received, "-word", c.word}
	if config.StopSignal != "" {
		command = append(command, "-stop", config.StopSignal)
	}
	return append(command, words...)
}

// movedProgram returns the path of the replaceable program in the container.
func (c *Container) movedProgram() string { return folder + "/" + path.Base(c.plan.Program()) }

// healthcheck returns the health check of the container. A check that runs the program of the image runs the current program
// instead.
func (c *Container) healthcheck(h *docker.Healthcheck) *docker.Healthcheck {
	if h == nil || !c.moved || len(h.Test) < 2 || h.Test[1] != c.plan.Program() {
		return h
	}
	h.Test = slices.Concat(h.Test[:1], []string{supervisorBinary, "-run", received, c.movedProgram()}, h.Test[2:])
	return h
}

// noteStart reports the container's start, and the reason if the program is copied.
func (c *Container) noteStart(r report.Report) {
	var more []string
	if why := c.container.Copied; why != nil {
		more = append(more, "the program is sent at each change ("+strings.ReplaceAll(why.Error(), "\n", "; ")+")")
	}
	run.NoteStart(r, c.plan.Label(), "dev", c.container.Container, more...)
}

// noteEnd reports that the program has ended or could not start. The caller of a start reports its success.
func (c *Container) noteEnd(r report.Report, e protocol.Event) {
	switch e.Kind {
	case protocol.Exited:
		how := fmt.Sprintf("with code %d", e.Code)
		if e.Signal != 0 {
			how = fmt.Sprintf("by signal %d", e.Signal)
		}
		r.Note(c.plan.Name, "dev", "the program has ended "+how+"; the next change starts it again")
	case protocol.Failed:
		r.Note(c.plan.Name, "dev", "the program could not be started: "+e.Reason)
	}
}

// noteHealth reports what the health check says of the running program.
func (c *Container) noteHealth(r report.Report, v docker.Verdict) {
	text := "the health check says " + v.Status
	if v.Detail != "" {
		text += ": " + v.Detail
	}
	r.Note(c.plan.Name, "dev", text)
}

// needs says what a program asks the image for. A program can replace another one with the same needs.
type needs struct{ libraries, files string }

func needsOf(p result.Program) (n needs, err error) {
	n.libraries, err = ldd.Interface(p.Path)
	n.files = fmt.Sprint(p.Needs())
	return n, err
}

// Wait waits until the container has ended, which it only does if it fails or is removed.
func (c *Container) Wait(ctx context.Context) error {
	_, err := c.container.Wait(ctx)
	return err
}

// grace is how long the program may run on before it is killed.
const grace = 3 * time.Second

// Close stops the program and removes the container, even if ctx has ended. It removes the image too if another one has its name
// now.
func (c *Container) Close(ctx context.Context) error {
	if err := c.remove(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer stop()
	if err := c.engine.Retire(ctx, docker.NameLabel+"="+c.plan.Name, c.ids...); err != nil {
		return &report.EngineError{Err: err}
	}
	return nil
}

// remove stops the program and removes the container.
func (c *Container) remove(ctx context.Context) error {
	c.health.end()
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer stop()
	if err := c.container.Signal(ctx, cmp.Or(c.plan.Config.StopSignal, "SIGTERM")); err == nil {
		_, _ = c.container.Wait(ctx) // the container is removed in any case
	}
	if err := c.container.Remove(ctx); err != nil {
		return &report.EngineError{Err: err}
	}
	return c.starts.splitter.Flush()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// prefix starts the names of everything that is made in an engine.
const prefix = "fromscratch-bench-"

// bench is one run of this program.
type bench struct {
	options
	root     string    // root of the repository
	dir      string    // folder for everything that is made here
	environ  []string  // environment of the commands
	out      io.Writer // where the tables go
	file     io.Closer // file that is part of out, or nil
	constant int       // number of the last constant that was written into a program
	tools    tools
	base     *registry // for ko; nil until it is needed

	engine *engine // the engine that is measured
}

// measurement is one of the choices of -programs.
type measurement struct {
	name string
	run  func(*bench, context.Context) error
}

func measurements() []measurement {
	var list []measurement
	for _, p := range programs() {
		list = append(list, measurement{p.name, func(b *bench, ctx context.Context) error { return b.compare(ctx, p) }})
	}
	return append(list,
		measurement{"many", (*bench).manyFrom},
		measurement{"memory", (*bench).memoryFrom},
		measurement{"dev", (*bench).devFrom},
	)
}

func measurementNames() []string {
	var names []string
	for _, m := range measurements() {
		names = append(names, m.name)
	}
	return names
}

// run runs the measurements on each engine.
func run(ctx context.Context, o options) (err error) {
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	b.writeMachine(ctx)
	for _, host := range o.engines {
		err = errors.Join(err, b.onEngine(ctx, host))
	}
	return err
}

func newBench(o options) (*bench, error) {
	root, err := filepath.Abs(".")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(root, "magefiles", "targets")); err != nil {
		return nil, fmt.Errorf("finding the targets in %q: %w\nfix: run this at the root of the repository", root, err)
	}
	dir, err := os.MkdirTemp("", "fromscratch-bench")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, root: root, dir: dir, environ: measure.Environment(os.Environ()), out: os.Stdout}
	b.environ = append(b.environ, "MAGEFILE_CACHE="+filepath.Join(dir, "mage"))
	if o.output != "" {
		f, err := os.Create(o.output)
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		b.out, b.file = io.MultiWriter(os.Stdout, f), f
	}
	return b, nil
}

func (b *bench) close() error {
	err := os.RemoveAll(b.dir)
	if b.base != nil {
		err = errors.Join(err, b.base.Close())
	}
	if b.file != nil {
		err = errors.Join(err, b.file.Close())
	}
	return err
}

// onEngine runs the chosen measurements on one engine, and removes everything it made there.
func (b *bench) onEngine(ctx context.Context, host string) (err error) {
	if b.engine, err = openEngine(host); err != nil {
		return err
	}
	facts, err := b.engine.facts(ctx)
	if err != nil {
		return fmt.Errorf("asking the engine at %q: %w\nfix: start it, or name another with -engine", host, err)
	}
	// An earlier run that was killed may have left something.
	if err := b.engine.clean(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.engine.clean(context.WithoutCancel(ctx))) }()
	fmt.Fprintf(b.out, "\n## %s\n", facts)
	for _, m := range measurements() {
		if b.programs.has(m.name) && ctx.Err() == nil {
			err = errors.Join(err, b.measure(ctx, m))
		}
	}
	return err
}

// measure runs one measurement, or prints why it cannot run here. After a failure, the next measurements still run.
func (b *bench) measure(ctx context.Context, m measurement) error {
	err := m.run(b, ctx)
	var reason left
	if errors.As(err, &reason) {
		fmt.Fprintf(b.out, "\n%s was left out: %s\n", m.name, reason)
		err = nil
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(b.out, "\n%s has failed: %s\n", m.name, lastLine(err))
		err = fmt.Errorf("measuring %q: %w", m.name, err)
	}
	return errors.Join(err, b.engine.clean(context.WithoutCancel(ctx)))
}

// left is the reason for leaving something out.
type left string

func (l left) Error() string { return string(l) }

// newFolder returns a new folder for one measurement, and a function that removes it.
func (b *bench) newFolder(name string) (string, func(*error), error) {
	dir := filepath.Join(b.dir, name)
	remove := func(err *error) { *err = errors.Join(*err, os.RemoveAll(dir)) }
	return dir, remove, os.Mkdir(dir, 0o755)
}

// say prints progress on stderr.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

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

// prefix begins the names of all that is made in an engine.
const prefix = "fromscratch-bench-"

// bench is one run of this program.
type bench struct {
	options
	root     string    // of the repository
	dir      string    // of all that is made here
	environ  []string  // of the commands that are run
	out      io.Writer // of the tables
	file     io.Closer // that is part of out, or nil
	constant int       // the last that was written into a program
	tools    tools
	base     *registry // for ko; nil until it is needed

	engine *engine // the one that is measured
}

// measurement is what -programs chooses from.
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

// run measures on each engine.
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

// onEngine measures all that was chosen on one engine, and leaves nothing there.
func (b *bench) onEngine(ctx context.Context, host string) (err error) {
	if b.engine, err = openEngine(host); err != nil {
		return err
	}
	facts, err := b.engine.facts(ctx)
	if err != nil {
		return fmt.Errorf("asking the engine at %q: %w\nfix: start it, or name another with -engine", host, err)
	}
	// A run that was killed may have left something.
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

// measure does one measurement, or says why it cannot be done here. One that fails
// does not keep the others from being done.
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

// left is why something is left out.
type left string

func (l left) Error() string { return string(l) }

// space is a new folder for one measurement, and how it goes again.
func (b *bench) space(name string) (string, func(*error), error) {
	dir := filepath.Join(b.dir, name)
	remove := func(err *error) { *err = errors.Join(*err, os.RemoveAll(dir)) }
	return dir, remove, os.Mkdir(dir, 0o755)
}

// say tells on stderr how far it is.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

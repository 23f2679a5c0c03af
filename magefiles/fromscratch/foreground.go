package main

import (
	"context"
	"errors"
	"os"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/interrupt"
)

// imageRun builds one image, loads it and runs it.
func imageRun(ctx context.Context, r *run) (dialogue.End, error) {
	engine, err := r.engines.ToRun(ctx, r.Target)
	if err != nil {
		return dialogue.End{}, err
	}
	m, err := r.images()
	if err != nil {
		return dialogue.End{}, err
	}
	m.selectEnginePlatform()
	d, err := m.loadOne(ctx, engine)
	if err != nil {
		return dialogue.End{}, err
	}
	if err := r.builders.Close(ctx); err != nil {
		return dialogue.End{}, err
	}
	return r.foreground(ctx, d, engine)
}

// loadOne builds the only image and loads it into the engine, unless that is done already.
func (m *images) loadOne(ctx context.Context, engine *buildkit.Engine) (d buildkit.Deliverable, err error) {
	list, all, err := m.unchanged(ctx, buildkit.Destination{Engine: engine})
	if err != nil {
		return d, err
	}
	if all && len(list) == 1 {
		reportUnchanged(m.inputs.Report, list)
		return list[0], m.note(unchangedImage(list[0]))
	}
	plans, err := m.plans(ctx)
	if err != nil {
		return d, err
	}
	plan, err := buildkit.One(plans)
	if err != nil {
		return d, err
	}
	to, err := m.announce(ctx, engine, plans)
	if err != nil {
		return d, err
	}
	defer to.Close()
	// The folder is unlocked before the program runs, so that the next build can use it.
	err = buildOne(ctx, plan, m.inputs.Report, func(b *buildkit.Result) error {
		d = b.Deliverable()
		return errors.Join(b.Load(ctx, to), m.note(saidOf("", b)))
	})
	return d, err
}

// note says something of an image in a document alone: stdout is the program's otherwise.
func (m *images) note(s said) error {
	if m.out.document == nil {
		return nil
	}
	return m.out.say(s)
}

// foreground runs the program until it ends. Signals that would end this process go to
// the program instead, and the target ends when the program does.
//
// The target's process ends at once, with the program's exit code, if that is not zero,
// or if the program has arguments: mage would take them for further targets.
func (r *run) foreground(ctx context.Context, d buildkit.Deliverable, engine *buildkit.Engine) (dialogue.End, error) {
	signals, restore := r.watcher.Forward()
	code, err := d.Run(ctx, engine, buildkit.RunRequest{
		Args: r.Args, Stdout: r.out.programStdout(), Stderr: os.Stderr, Signals: signals, Grace: r.Grace, Report: r.out.report(r.progress.Report), Cleaner: true,
	})
	asked := restore()
	if err == nil && r.watcher.TimedOut() {
		err = interrupt.ErrTimeout // otherwise the program seems to have ended by itself
	}
	return dialogue.End{Code: code, Exit: code != 0 || r.Args != nil || asked}, err
}

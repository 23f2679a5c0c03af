package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

func (j *job) image(ctx context.Context) error {
	if err := j.connect(ctx); err != nil {
		return err
	}
	if j.engine == nil && j.output == outputDocker {
		return &buildkit.EngineError{Err: j.noEngine}
	}
	return j.each(ctx, func(b *buildkit.Built) error {
		if err := j.deliver(ctx, b); err != nil {
			return err
		}
		_, err := fmt.Println(b.Plan.Reference)
		return err
	})
}

// deliver brings an image to where IMAGE_OUTPUT says.
func (j *job) deliver(ctx context.Context, b *buildkit.Built) error {
	if j.engine != nil {
		return b.Load(ctx, j.engine)
	}
	path, err := b.WriteArchive(ctx)
	if err == nil && j.noEngine != nil {
		j.progress.report(buildkit.Event{
			Image: b.Plan.Name, Step: "docker", State: buildkit.Note,
			Text: fmt.Sprintf("no engine, so the image is the archive %s: %s", b.Plan.Show(path), oneLine(j.noEngine)),
		})
	}
	return err
}

func (j *job) imageRootfs(ctx context.Context) error {
	return j.each(ctx, func(b *buildkit.Built) error {
		_, err := fmt.Println(b.Plan.Dist().Rootfs())
		return err
	})
}

func (j *job) imageArchive(ctx context.Context) error {
	return j.each(ctx, func(b *buildkit.Built) error {
		path, err := b.WriteArchive(ctx)
		if err == nil {
			_, err = fmt.Println(path)
		}
		return err
	})
}

func (j *job) imagePlan(ctx context.Context) error {
	plans, err := j.plans(ctx, false)
	if err != nil {
		return err
	}
	for i, p := range plans {
		if i > 0 {
			fmt.Println()
		}
		fmt.Println(p.Name)
		w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
		for _, v := range p.Values {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", v.Name, v.Value, v.Origin)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) imageClean(ctx context.Context) error {
	in, err := j.inputs()
	if err != nil {
		return err
	}
	dists, err := buildkit.Dists(ctx, in)
	if err != nil {
		return err
	}
	for _, d := range dists {
		removed, err := d.Remove(ctx)
		if err != nil {
			return err
		}
		if removed {
			j.progress.report(buildkit.Event{Image: d.Name(), Step: "clean", State: buildkit.Note, Text: "removed " + string(d)})
		}
	}
	return nil
}

// imageRun loads one image and runs it.
func (j *job) imageRun(ctx context.Context) error {
	plans, err := j.plans(ctx, true)
	if err != nil {
		return err
	}
	plan, err := buildkit.One(plans)
	if err != nil {
		return err
	}
	if err := j.connect(ctx); err != nil {
		return err
	}
	if j.engine == nil {
		return j.whyNoEngine()
	}
	return j.build(ctx, plan, func(b *buildkit.Built) error {
		// A running program does not keep its folder from the next build.
		if err := errors.Join(b.Load(ctx, j.engine), b.Close()); err != nil {
			return err
		}
		return j.foreground(ctx, b)
	})
}

func (j *job) whyNoEngine() error {
	if j.noEngine != nil {
		return &buildkit.EngineError{Err: j.noEngine}
	}
	return &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q, and imageRun needs an engine\nfix: unset IMAGE_OUTPUT", j.output)}
}

// foreground runs the program until it ends. What would end this process is
// passed on to the program instead, whose end is the target's.
//
// The target's process ends with the program's code, unless mage may go on to
// another target: with arguments for the program mage would take them for targets.
func (j *job) foreground(ctx context.Context, b *buildkit.Built) error {
	signals, restore := j.watcher.divert()
	code, err := b.Run(ctx, j.engine, buildkit.RunRequest{
		Args: j.args, Stdout: os.Stdout, Stderr: os.Stderr, Signals: signals, Grace: j.grace,
	})
	passed := restore()
	j.code, j.exits = code, code != 0 || j.args != nil || passed
	return err
}

// oneLine is an error with its fix, in a line.
func oneLine(err error) string {
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

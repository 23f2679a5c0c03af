package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// image loads every image into the engine or the cluster, or writes archives. It prints references or paths.
func (j *job) image(ctx context.Context) error {
	if err := j.connect(ctx); err != nil {
		return err
	}
	if j.engine == nil && !j.output.archives(j.noEngine) {
		return &buildkit.EngineError{Err: j.output.orArchive(j.noEngine)}
	}
	j.engineOnly = j.engine != nil
	list, all, err := j.unchanged(ctx)
	if err != nil {
		return err
	}
	j.reportUnchanged(list)
	known, names := map[string]string{}, []string{}
	for _, d := range list {
		known[d.Name], names = d.Reference, append(names, d.Reference)
	}
	if all {
		_, err := fmt.Println(strings.Join(names, "\n"))
		return err
	}
	plans, err := j.plans(ctx, true)
	if err != nil {
		return err
	}
	if j.engine == nil {
		return j.eachGroup(ctx, plans, j.archiveInstead)
	}
	return j.deliverEach(ctx, plans, known)
}

// deliverEach builds images and brings them to where they go. Those that have a text in known
// are there already: it prints that text.
func (j *job) deliverEach(ctx context.Context, plans []buildkit.Plan, known map[string]string) error {
	if j.cluster != nil {
		return j.eachOf(ctx, plans, known, func(ctx context.Context, b *buildkit.Built) (string, error) {
			return b.Plan.Reference, b.LoadCluster(ctx, j.cluster)
		})
	}
	only, err := j.announce(ctx, plans)
	if err != nil {
		return err
	}
	defer only.Close()
	return j.eachOf(ctx, plans, known, func(ctx context.Context, b *buildkit.Built) (string, error) {
		to := only
		if len(plans) > 1 {
			to = only.Beside()
			defer to.Close()
		}
		return b.Plan.Reference, j.load(ctx, b, to)
	})
}

// archiveInstead writes an archive because there is no engine, and reports that. For stdout it
// returns the archive's path, not the reference: an engine may have an older image under that.
func (j *job) archiveInstead(ctx context.Context, group []*buildkit.Built) (string, error) {
	path, err := writeArchive(ctx, group)
	b := group[0]
	if err == nil && j.noEngine != nil {
		b.Note("docker", fmt.Sprintf("no engine was found, so the image was written to the archive %s: %s", b.Plan.Show(path), oneLine(j.noEngine)))
	}
	return path, err
}

func (j *job) imageRootfs(ctx context.Context) error {
	return j.each(ctx, func(_ context.Context, b *buildkit.Built) (string, error) { return b.Plan.Dist().Rootfs(), nil })
}

func (j *job) imageArchive(ctx context.Context) error {
	return j.groups(ctx, writeArchive)
}

func writeArchive(ctx context.Context, group []*buildkit.Built) (string, error) {
	paths, err := buildkit.ArchiveAll(ctx, group, buildkit.Platform{OS: "linux", Architecture: runtime.GOARCH})
	if err != nil {
		return "", err
	}
	return paths[0], nil
}

func (j *job) imageSBOM(ctx context.Context) error {
	return j.each(ctx, func(ctx context.Context, b *buildkit.Built) (string, error) {
		paths, err := b.WriteDocuments(ctx)
		return strings.Join(paths, "\n"), err
	})
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

// imageRun builds one image, loads it and runs it.
func (j *job) imageRun(ctx context.Context) error {
	if err := j.runnable(); err != nil {
		return err
	}
	if err := j.connect(ctx); err != nil {
		return err
	}
	if j.engine == nil {
		return j.whyNoEngine()
	}
	j.engineOnly = true
	list, all, err := j.unchanged(ctx)
	if err != nil {
		return err
	}
	if all && len(list) == 1 {
		j.reportUnchanged(list)
		return j.foreground(ctx, list[0])
	}
	plans, err := j.plans(ctx, true)
	if err != nil {
		return err
	}
	plan, err := buildkit.One(plans)
	if err != nil {
		return err
	}
	to, err := j.announce(ctx, plans)
	if err != nil {
		return err
	}
	defer to.Close()
	var image buildkit.Deliverable
	// The folder is unlocked before the program runs, so that the next build can use it.
	err = j.build(ctx, plan, func(b *buildkit.Built) error {
		image = b.Deliverable()
		return j.load(ctx, b, to)
	})
	if err != nil {
		return err
	}
	if err := j.builders.Close(ctx); err != nil {
		return err
	}
	return j.foreground(ctx, image)
}

// whyNoEngine returns the error of a target that needs an engine and has none.
func (j *job) whyNoEngine() error {
	if j.noEngine != nil {
		return &buildkit.EngineError{Err: j.noEngine}
	}
	return &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q, but %s needs an engine\nfix: unset IMAGE_OUTPUT", j.output, j.target)}
}

// foreground runs the program until it ends. Signals that would end this process go to
// the program instead, and the target ends when the program does.
//
// The target's process ends at once, with the program's exit code, if that is not zero,
// or if the program has arguments: mage would take them for further targets.
func (j *job) foreground(ctx context.Context, d buildkit.Deliverable) error {
	mark := docker.NewMark()
	cleaner, err := startCleaner(marked{mark, j.grace})
	if err != nil {
		j.progress.report(buildkit.Event{Image: d.Name, Step: "run", State: buildkit.Note, Text: "warning: the container will keep running if this run is killed: " + oneLine(err)})
	}
	defer cleaner.release()
	signals, restore := j.watcher.forward()
	code, err := d.Run(ctx, j.engine, buildkit.RunRequest{
		Mark: mark, Args: j.args, Stdout: os.Stdout, Stderr: os.Stderr, Signals: signals, Grace: j.grace, Report: j.progress.report,
	})
	passed := restore()
	j.code, j.exits = code, code != 0 || j.args != nil || passed
	if err == nil && j.watcher.timedOut() {
		return errTimeout // otherwise the program seems to have ended by itself
	}
	return err
}

// oneLine returns an error and its fix in one line.
func oneLine(err error) string {
	return strings.ReplaceAll(plaintext.Error(err), "\n", "; ")
}

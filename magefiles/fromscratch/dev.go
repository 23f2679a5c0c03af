package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/supervisor/report"
	"github.com/fromscratch-go/fromscratch/buildkit/watch"
)

// imageDev builds and runs every image, and puts each change of the source into the
// running containers, until it is interrupted.
func (j *job) imageDev(ctx context.Context) error {
	if err := j.runnable(); err != nil {
		return err
	}
	switch mode := os.Getenv("IMAGE_DEV_SWAP"); mode {
	case "", "bind", "copy":
	default:
		return &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_DEV_SWAP is %q\nfix: set it to bind or copy, or unset it", mode)}
	}
	if err := j.connect(ctx); err != nil {
		return err
	}
	if j.engine == nil {
		return j.whyNoEngine()
	}
	j.engineOnly = true
	plans, err := j.plans(ctx, true)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(plans))
	var all sync.WaitGroup
	for i, p := range plans {
		l := &loop{job: j, plan: p, name: p.Name, prefix: prefixOf(p, plans), gone: make(chan *buildkit.Dev)}
		if i == 0 { // one of them is enough to report changes
			if l.magefiles, err = j.magefiles(); err != nil {
				return err
			}
		}
		all.Add(1)
		go func() {
			defer all.Done()
			errs[i] = l.run(ctx)
			stop() // if one loop ends, all end
		}()
	}
	all.Wait()
	return errors.Join(errs...)
}

// magefiles returns the possible paths of the files that call Configure: mage compiles the files in its working folder and
// in magefiles/ below it.
func (j *job) magefiles() ([]string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the folder that mage runs in: %w", err)
	}
	var files []string
	for _, c := range j.configs {
		if name, _, ok := strings.Cut(c.Origin, ".go:"); ok {
			files = append(files, filepath.Join(dir, name+".go"), filepath.Join(dir, "magefiles", name+".go"))
		}
	}
	return files, nil
}

// prefixOf returns the prefix for the output lines of one of several programs, or "" for a single program.
func prefixOf(p buildkit.Plan, all []buildkit.Plan) string {
	if len(all) == 1 {
		return ""
	}
	width := 0
	for _, o := range all {
		width = max(width, len(o.Name))
	}
	return fmt.Sprintf("%-*s | ", width, p.Name)
}

// loop is the edit loop of one image.
type loop struct {
	*job
	plan      buildkit.Plan
	name      string // of the image; each rebuild makes a new plan
	prefix    string
	dev       *buildkit.Dev // nil until a version runs
	stopped   bool          // whether the container has ended by itself
	polls     bool          // whether the warning about polling was written
	stale     bool          // whether the last build failed, so that the container lacks its changes
	blind     bool          // whether the program's packages were not found
	magefiles []string
	failure   string             // text of the last failure
	gone      chan *buildkit.Dev // those whose containers have ended
}

// quiet is the time without further events after which a change is handled: editors write
// a file in several steps.
const quiet = 10 * time.Millisecond

// run builds and runs the image, then handles each change, until ctx ends.
func (l *loop) run(ctx context.Context) (err error) {
	w, err := watch.Start(ctx, watch.Options{Quiet: quiet}, l.watchPaths(l.began))
	if err != nil {
		return err
	}
	l.warnPolling(w)
	defer func() { err = errors.Join(err, l.close(ctx)) }()
	l.rebuild(ctx, w, nil)
	for {
		select {
		case <-ctx.Done():
			return nil // whoever ended it knows why
		case e, open := <-w.Events():
			if !open {
				return nil // ctx has ended
			}
			l.handleChange(ctx, w, e)
		case dev := <-l.gone:
			if dev == l.dev { // otherwise the loop has ended it
				l.stopped = true
				l.note("the container has ended; the next change starts a new one")
			}
		}
	}
}

// handleChange puts a change into the container. If that fails, it reports the error, and
// the last good version keeps running.
func (l *loop) handleChange(ctx context.Context, w *watch.Watcher, e watch.Event) {
	began := time.Now()
	paths := l.withoutMagefiles(e.Paths)
	// Otherwise each line of a log file beside the source would be a change.
	counts := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return !l.plan.Counts(path) })
	if len(counts) == 0 && !l.blind && !e.Lost {
		return
	}
	if len(counts) > 0 {
		paths, l.failure = counts, ""
	}
	if e.Lost && len(paths) == 0 {
		paths = []string{l.plan.Root} // any file in it may have changed
	}
	if l.dev == nil || l.stale || e.Lost || !l.dev.Fits(paths) {
		l.rebuild(ctx, w, paths)
		return
	}
	swapped, err := l.dev.Swap(ctx, nil)
	switch {
	case errors.Is(err, buildkit.ErrOtherImage), errors.Is(err, docker.ErrNotRunning): // or somebody has removed the container
		l.rebuild(ctx, w, paths)
	case err != nil:
		var engine *buildkit.EngineError
		l.stale = errors.As(err, &engine) // the new program is in place, but may not run in the container
		l.failed(ctx, err)
	case swapped:
		l.note(fmt.Sprintf("──── %s: swapped in %.2fs", l.names(paths), time.Since(began).Seconds()))
	}
}

// withoutMagefiles returns the paths without magefiles. If a magefile has changed, it reports that imageDev must be
// restarted.
func (l *loop) withoutMagefiles(paths []string) []string {
	own := func(path string) bool { return slices.Contains(l.magefiles, path) }
	if i := slices.IndexFunc(paths, own); i >= 0 {
		l.note(l.plan.Show(paths[i]) + " has changed; restart imageDev to apply it")
	}
	return slices.DeleteFunc(slices.Clone(paths), own)
}

// rebuild builds the image again, runs it in a new container instead of the old one, and
// reports the result.
func (l *loop) rebuild(ctx context.Context, w *watch.Watcher, paths []string) {
	began := time.Now()
	err := l.replace(ctx, w, paths != nil)
	l.stale = err != nil
	switch {
	case err != nil:
		l.failed(ctx, err)
	case paths != nil:
		l.note(fmt.Sprintf("──── %s: new container in %.2fs", l.names(paths), time.Since(began).Seconds()))
	}
}

// replace is rebuild without the report.
func (l *loop) replace(ctx context.Context, w *watch.Watcher, again bool) error {
	if again {
		began := time.Now()
		err := l.replan(ctx)
		if l.blind = err != nil; l.blind {
			// The missing package may appear anywhere.
			return errors.Join(err, w.Set(ctx, l.allPaths(began)))
		}
		if err := w.Set(ctx, l.watchPaths(began)); err != nil {
			return err
		}
		l.warnPolling(w)
	}
	to, err := l.announce(ctx, []buildkit.Plan{l.plan})
	if err != nil {
		return err
	}
	defer to.Close()
	built, err := buildkit.Build(ctx, l.plan, l.progress.report)
	if err != nil {
		return err
	}
	if err := l.load(ctx, built, to); err != nil {
		return errors.Join(err, built.Close())
	}
	// The old container must be gone before the new one can use its ports.
	if err := l.close(ctx); err != nil {
		return errors.Join(err, built.Close())
	}
	l.dev, err = built.Develop(ctx, l.engine, buildkit.DevRequest{
		Module: l.module, Args: l.args, Copy: os.Getenv("IMAGE_DEV_SWAP") == "copy",
		Stdout: l.progress.programWriter(os.Stdout, l.prefix), Stderr: l.progress.programWriter(os.Stderr, l.prefix),
		Event: l.reportProgram, Health: l.reportHealth,
	})
	l.stopped = false
	if dev := l.dev; err == nil {
		go func() {
			_ = dev.Wait(ctx) // why it has ended does not matter
			select {
			case l.gone <- dev:
			case <-ctx.Done():
			}
		}()
	}
	return errors.Join(err, built.Close())
}

// replan resolves the image again: the program may import other packages now.
func (l *loop) replan(ctx context.Context) error {
	in, err := l.inputs()
	if err != nil {
		return err
	}
	in.Prepare, in.Report, in.Began = true, l.progress.report, time.Now()
	if err := addRecalled(ctx, &in); err != nil {
		return err
	}
	plans, err := buildkit.Resolve(ctx, in)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(plans, func(p buildkit.Plan) bool { return p.Dist() == l.plan.Dist() })
	if i < 0 {
		return fmt.Errorf("finding the image %q: the module does not have it any more\nfix: start imageDev again", l.plan.Name)
	}
	l.plan = plans[i]
	return nil
}

// warnPolling warns, once, if the watcher has to poll.
func (l *loop) warnPolling(w *watch.Watcher) {
	if why := w.Polling(); why != nil && !l.polls {
		l.polls = true
		l.note("warning: the system does not report changes, so imageDev checks the files at short intervals: " + oneLine(why))
	}
}

// close removes the container, if there is one.
func (l *loop) close(ctx context.Context) error {
	if l.dev == nil {
		return nil
	}
	dev := l.dev
	l.dev = nil
	return dev.Close(ctx)
}

// reportProgram reports that the program has ended or could not start. The caller of a start reports its success.
func (l *loop) reportProgram(e report.Event) {
	switch e.Kind {
	case report.Exited:
		how := fmt.Sprintf("with code %d", e.Code)
		if e.Signal != 0 {
			how = fmt.Sprintf("by signal %d", e.Signal)
		}
		l.note("the program has ended " + how + "; the next change starts it again")
	case report.Failed:
		l.note("the program could not be started: " + e.Reason)
	}
}

// reportHealth reports what the health check says of the running program.
func (l *loop) reportHealth(v docker.Verdict) {
	text := "the health check says " + v.Status
	if v.Detail != "" {
		text += ": " + v.Detail
	}
	l.note(text)
}

// failed reports an error, and what imageDev does now. It reports the same error again only after a change.
func (l *loop) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	text := err.Error()
	if text == l.failure {
		return // nothing has changed since
	}
	l.failure = text
	if l.dev != nil && !l.stopped {
		text += "\nthe last good version keeps running"
	} else {
		text += "\nwaiting for a change"
	}
	l.note(text)
}

func (l *loop) note(text string) {
	l.progress.report(buildkit.Event{Image: l.name, Step: "dev", State: buildkit.Note, Text: text})
}

// names returns the changed files for people, at most three of them.
func (l *loop) names(paths []string) string {
	var names []string
	for _, p := range paths {
		names = append(names, l.plan.Show(p))
	}
	if more := len(names) - 3; more > 0 {
		names = append(names[:3], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// watchPaths returns the paths to watch, without those that mage and the build write.
// Files that have changed after since count as changed.
func (l *loop) watchPaths(since time.Time) watch.Paths {
	w := l.plan.Watched()
	return watch.Paths{
		Dirs: w.Folders, Trees: w.Trees, Files: append(slices.Clone(w.Files), l.magefiles...), Since: since,
		Ignore: []string{filepath.Join(l.plan.Root, "dist"), "mage_output_file.go"},
	}
}

// allPaths returns the paths to watch while the go command does not find the program's packages: the whole module.
func (l *loop) allPaths(since time.Time) watch.Paths {
	w := l.watchPaths(since)
	w.Trees = append(slices.Clone(w.Trees), l.plan.Main.Sources.Module)
	// The go command ignores these, see "go help packages".
	w.Ignore = append(w.Ignore, ".*", "_*", "testdata", "node_modules")
	return w
}

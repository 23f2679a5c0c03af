package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/supervisor/report"
	"github.com/fromscratch-go/fromscratch/buildkit/watch"
)

// loop is the edit loop of one image.
type loop struct {
	images    *images
	engine    *docker.Engine
	request   func() buildkit.DevRequest // for a new container
	plan      buildkit.Plan              // each rebuild makes a new one
	magefiles []string
	container container
	warned    bool   // whether the warning about polling was written
	stale     bool   // whether the last build failed, so that the container lacks its changes
	blind     bool   // whether the program's packages were not found
	failure   string // text of the last failure
	note      func(text string)
}

// container is the development container of a loop.
type container struct {
	dev     *buildkit.Dev      // nil until a version runs
	stopped bool               // whether it has ended by itself
	gone    chan *buildkit.Dev // those that have ended
}

// newLoop returns the loop for the image of a plan. The loop adds its reports to the requests.
func newLoop(m *images, engine *docker.Engine, p buildkit.Plan, request func() buildkit.DevRequest) *loop {
	note := func(text string) { m.inputs.Report.Note(p.Name, "dev", text) }
	return &loop{images: m, engine: engine, request: request, plan: p, container: container{gone: make(chan *buildkit.Dev)}, note: note}
}

// quiet is the time without further events after which a change is handled: editors write
// a file in several steps.
const quiet = 10 * time.Millisecond

// run builds and runs the image, then handles each change, until ctx ends.
func (l *loop) run(ctx context.Context) (err error) {
	w, err := watch.Start(ctx, watch.Options{Quiet: quiet}, l.watchPaths(l.plan.Run.Began))
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
		case dev := <-l.container.gone:
			if dev == l.container.dev { // otherwise the loop has ended it
				l.container.stopped = true
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
	if l.container.dev == nil || l.stale || e.Lost || !l.container.dev.Fits(paths) {
		l.rebuild(ctx, w, paths)
		return
	}
	swapped, err := l.container.dev.Swap(ctx)
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
	to, err := announce(ctx, l.engine, []buildkit.Plan{l.plan})
	if err != nil {
		return err
	}
	defer to.Close()
	built, err := buildkit.Build(ctx, l.plan, l.images.inputs.Report)
	if err != nil {
		return err
	}
	if err := load(ctx, l.images.engines, built, to); err != nil {
		return errors.Join(err, built.Close())
	}
	// The old container must be gone before the new one can use its ports.
	if err := l.close(ctx); err != nil {
		return errors.Join(err, built.Close())
	}
	r := l.request()
	r.Event, r.Health = l.reportProgram, l.reportHealth
	l.container.dev, err = built.Develop(ctx, l.engine, r)
	l.container.stopped = false
	if dev := l.container.dev; err == nil {
		go func() {
			_ = dev.Wait(ctx) // why it has ended does not matter
			select {
			case l.container.gone <- dev:
			case <-ctx.Done():
			}
		}()
	}
	return errors.Join(err, built.Close())
}

// replan resolves the image again: the program may import other packages now.
func (l *loop) replan(ctx context.Context) error {
	plans, err := buildkit.Resolve(ctx, l.images.buildInputs(time.Now()))
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
	if why := w.Polling(); why != nil && !l.warned {
		l.warned = true
		l.note("warning: the system does not report changes, so imageDev checks the files at short intervals: " + oneLine(why))
	}
}

// close removes the container, if there is one.
func (l *loop) close(ctx context.Context) error {
	if l.container.dev == nil {
		return nil
	}
	dev := l.container.dev
	l.container.dev = nil
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
	if l.container.dev != nil && !l.container.stopped {
		text += "\nthe last good version keeps running"
	} else {
		text += "\nwaiting for a change"
	}
	l.note(text)
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

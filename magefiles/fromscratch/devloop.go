package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// loop is the edit loop of one image.
type loop struct {
	images    *images
	engine    *buildkit.Engine
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

// newLoop returns the loop for the image of a plan.
func newLoop(m *images, engine *buildkit.Engine, p buildkit.Plan, request func() buildkit.DevRequest) *loop {
	note := func(text string) { m.inputs.Report.Note(p.Name, "dev", text) }
	return &loop{images: m, engine: engine, request: request, plan: p, container: container{gone: make(chan *buildkit.Dev)}, note: note}
}

// run builds and runs the image, then handles each change, until ctx ends.
func (l *loop) run(ctx context.Context) (err error) {
	w, err := buildkit.Watch(ctx, l.plan, l.magefiles)
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
			l.handleChange(ctx, w, e.Paths, e.Lost)
		case dev := <-l.container.gone:
			if dev == l.container.dev { // otherwise the loop has ended it
				l.container.stopped = true
				l.note("the container has ended; the next change starts a new one")
			}
		}
	}
}

// handleChange puts a change into the container. If that fails, it reports the error, and
// the last good version keeps running. lost means that more may have changed.
func (l *loop) handleChange(ctx context.Context, w *buildkit.Watcher, changed []string, lost bool) {
	began := time.Now()
	paths := l.withoutMagefiles(changed)
	// Otherwise each line of a log file beside the source would be a change.
	counts := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return !l.plan.Counts(path) })
	if len(counts) == 0 && !l.blind && !lost {
		return
	}
	if len(counts) > 0 {
		paths, l.failure = counts, ""
	}
	if lost && len(paths) == 0 {
		paths = []string{l.plan.Root} // any file in it may have changed
	}
	if l.container.dev == nil || l.stale || lost || !l.container.dev.Fits(paths) {
		l.rebuild(ctx, w, paths)
		return
	}
	swapped, outdated, err := l.container.dev.Swap(ctx)
	switch {
	case outdated:
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
func (l *loop) rebuild(ctx context.Context, w *buildkit.Watcher, paths []string) {
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
func (l *loop) replace(ctx context.Context, w *buildkit.Watcher, again bool) error {
	if again {
		began := time.Now()
		err := l.replan(ctx)
		if l.blind = err != nil; l.blind {
			// The missing package may appear anywhere.
			return errors.Join(err, w.FollowModule(ctx, l.plan, began))
		}
		if err := w.Follow(ctx, l.plan, began); err != nil {
			return err
		}
		l.warnPolling(w)
	}
	to, err := l.images.announce(ctx, l.engine, []buildkit.Plan{l.plan})
	if err != nil {
		return err
	}
	defer to.Close()
	built, err := buildkit.Build(ctx, l.plan, l.images.inputs.Report)
	if err != nil {
		return err
	}
	if err := built.Load(ctx, to); err != nil {
		return errors.Join(err, built.Close())
	}
	// The old container must be gone before the new one can use its ports.
	if err := l.close(ctx); err != nil {
		return errors.Join(err, built.Close())
	}
	l.container.dev, err = built.Develop(ctx, l.engine, l.request())
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
func (l *loop) warnPolling(w *buildkit.Watcher) {
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

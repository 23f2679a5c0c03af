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

// imageDev builds and runs every image, and puts each change of the source into its
// running container, until it is interrupted.
func (j *job) imageDev(ctx context.Context) error {
	if err := j.runnable(); err != nil {
		return err
	}
	switch how := os.Getenv("IMAGE_DEV_SWAP"); how {
	case "", "bind", "copy":
	default:
		return &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_DEV_SWAP is %q\nfix: set it to bind or copy, or unset it", how)}
	}
	if err := j.connect(ctx); err != nil {
		return err
	}
	if j.engine == nil {
		return j.whyNoEngine()
	}
	j.own = true
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
		if i == 0 { // one of them tells of it
			if l.magefiles, err = j.magefiles(); err != nil {
				return err
			}
		}
		all.Add(1)
		go func() {
			defer all.Done()
			errs[i] = l.run(ctx)
			stop() // without one of them the others are of no use
		}()
	}
	all.Wait()
	return errors.Join(errs...)
}

// magefiles are the places of the files that call Configure: mage compiles those of the folder that it runs in, and of
// magefiles/ in it.
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

// prefixOf tells the lines of several programs apart.
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

// loop is the development of one image.
type loop struct {
	*job
	plan      buildkit.Plan
	name      string // of the image; the plan is another one after each rebuild
	prefix    string
	dev       *buildkit.Dev // nil as long as no version has run
	stopped   bool          // the container has ended by itself
	polls     bool          // that was told
	owed      bool          // the last build has failed: what had changed is not in the container
	blind     bool          // not even the program's packages were found
	magefiles []string
	told      string             // the last failure
	gone      chan *buildkit.Dev // whose containers have ended
}

// quiet is how long nothing must happen before a change is put into the container:
// editors write in several steps.
const quiet = 10 * time.Millisecond

// run is the loop: build and run, then wait for a change, until ctx ends.
func (l *loop) run(ctx context.Context) (err error) {
	w, err := watch.Start(ctx, watch.Options{Quiet: quiet}, l.watched(l.began))
	if err != nil {
		return err
	}
	l.tellPolling(w)
	defer func() { err = errors.Join(err, l.close(ctx)) }()
	l.rebuild(ctx, w, nil)
	for {
		select {
		case <-ctx.Done():
			return nil // why is known to whoever ended it
		case e, open := <-w.Events():
			if !open {
				return nil // ctx has ended
			}
			l.change(ctx, w, e)
		case dev := <-l.gone:
			if dev == l.dev { // else we have ended it
				l.stopped = true
				l.note("the container has ended; the next change starts another one")
			}
		}
	}
}

// change puts a change into the container. What fails is told, and the last version
// that was good runs on.
func (l *loop) change(ctx context.Context, w *watch.Watcher, e watch.Event) {
	began := time.Now()
	paths := l.withoutMagefiles(e.Paths)
	// Where a log is written beside the source, each line would be a change.
	counts := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return !l.plan.Counts(path) })
	if len(counts) == 0 && !l.blind && !e.Lost {
		return
	}
	if len(counts) > 0 {
		paths, l.told = counts, ""
	}
	if e.Lost && len(paths) == 0 {
		paths = []string{l.plan.Root} // any file in it
	}
	if l.dev == nil || l.owed || e.Lost || !l.dev.Fits(paths) {
		l.rebuild(ctx, w, paths)
		return
	}
	swapped, err := l.dev.Swap(ctx, nil)
	switch {
	case errors.Is(err, buildkit.ErrOtherImage), errors.Is(err, docker.ErrNotRunning): // somebody has removed the container
		l.rebuild(ctx, w, paths)
	case err != nil:
		var engine *buildkit.EngineError
		l.owed = errors.As(err, &engine) // the program is in its place here, and not known to run there
		l.failed(ctx, err)
	case swapped:
		l.note(fmt.Sprintf("──── %s: swapped in %.2fs", l.names(paths), time.Since(began).Seconds()))
	}
}

// withoutMagefiles takes magefiles out, and says of those that have changed what that asks for.
func (l *loop) withoutMagefiles(paths []string) []string {
	own := func(path string) bool { return slices.Contains(l.magefiles, path) }
	if i := slices.IndexFunc(paths, own); i >= 0 {
		l.note(l.plan.Show(paths[i]) + " has changed; start imageDev again for it")
	}
	return slices.DeleteFunc(slices.Clone(paths), own)
}

// rebuild builds the image anew, and runs it in a new container in the place of the
// old one.
func (l *loop) rebuild(ctx context.Context, w *watch.Watcher, paths []string) {
	began := time.Now()
	err := l.replace(ctx, w, paths != nil)
	l.owed = err != nil
	switch {
	case err != nil:
		l.failed(ctx, err)
	case paths != nil:
		l.note(fmt.Sprintf("──── %s: new container in %.2fs", l.names(paths), time.Since(began).Seconds()))
	}
}

// replace is rebuild with its error.
func (l *loop) replace(ctx context.Context, w *watch.Watcher, again bool) error {
	if again {
		began := time.Now()
		err := l.replan(ctx)
		if l.blind = err != nil; l.blind {
			// What is missing may come anywhere.
			return errors.Join(err, w.Set(ctx, l.everywhere(began)))
		}
		if err := w.Set(ctx, l.watched(began)); err != nil {
			return err
		}
		l.tellPolling(w)
	}
	to, err := l.announce(ctx, []buildkit.Plan{l.plan})
	if err != nil {
		return err
	}
	defer to.Close()
	built, err := l.plan.Build(ctx, l.progress.report)
	if err != nil {
		return err
	}
	if err := l.load(ctx, built, to); err != nil {
		return errors.Join(err, built.Close())
	}
	// The ports are free for the new container when the old one is gone.
	if err := l.close(ctx); err != nil {
		return errors.Join(err, built.Close())
	}
	l.dev, err = built.Develop(ctx, l.engine, buildkit.DevRequest{
		Module: l.module, Args: l.args, Copy: os.Getenv("IMAGE_DEV_SWAP") == "copy",
		Stdout: l.progress.beside(os.Stdout, l.prefix), Stderr: l.progress.beside(os.Stderr, l.prefix),
		Event: l.tell, Health: l.tellHealth,
	})
	l.stopped = false
	if dev := l.dev; err == nil {
		go func() {
			_ = dev.Wait(ctx) // of no use, whyever it has ended
			select {
			case l.gone <- dev:
			case <-ctx.Done():
			}
		}()
	}
	return errors.Join(err, built.Close())
}

// replan decides anew: the program may import other packages now.
func (l *loop) replan(ctx context.Context) error {
	in, err := l.inputs()
	if err != nil {
		return err
	}
	in.Prepare, in.Report, in.Began = true, l.progress.report, time.Now()
	if err := remember(ctx, &in); err != nil {
		return err
	}
	plans, err := buildkit.Resolve(ctx, in)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(plans, func(p buildkit.Plan) bool { return p.Dist() == l.plan.Dist() })
	if i < 0 {
		return fmt.Errorf("looking for the image %q: it is gone\nfix: start imageDev again", l.plan.Name)
	}
	l.plan = plans[i]
	return nil
}

// tellPolling says once when changes are found by looking alone.
func (l *loop) tellPolling(w *watch.Watcher) {
	if why := w.Polling(); why != nil && !l.polls {
		l.polls = true
		l.note("warning: files are looked at again and again, the system does not tell of changes: " + oneLine(why))
	}
}

// close ends the container, if there is one.
func (l *loop) close(ctx context.Context) error {
	if l.dev == nil {
		return nil
	}
	dev := l.dev
	l.dev = nil
	return dev.Close(ctx)
}

// tell tells what becomes of the program. A start is told by who asked for it.
func (l *loop) tell(e report.Event) {
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

// tellHealth tells what the health check says of the program that runs.
func (l *loop) tellHealth(v docker.Verdict) {
	text := "the health check says " + v.Status
	if v.Detail != "" {
		text += ": " + v.Detail
	}
	l.note(text)
}

// failed tells an error, and that nothing has changed by it; once, until the source changes.
func (l *loop) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	text := err.Error()
	if text == l.told {
		return // nothing was done about it
	}
	l.told = text
	if l.dev != nil && !l.stopped {
		text += "\nthe last good version runs on"
	} else {
		text += "\nwaiting for a change"
	}
	l.note(text)
}

func (l *loop) note(text string) {
	l.progress.report(buildkit.Event{Image: l.name, Step: "dev", State: buildkit.Note, Text: text})
}

// names are the changed files for people, the first few.
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

// watched are the paths in the words of the watcher, without what mage and we write.
// What has changed after they were read is a change.
func (l *loop) watched(since time.Time) watch.Paths {
	w := l.plan.Watched()
	return watch.Paths{
		Dirs: w.Folders, Trees: w.Trees, Files: append(slices.Clone(w.Files), l.magefiles...), Since: since,
		Ignore: []string{filepath.Join(l.plan.Root, "dist"), "mage_output_file.go"},
	}
}

// everywhere are the paths that may end a failure of the go command to find the program's packages.
func (l *loop) everywhere(since time.Time) watch.Paths {
	w := l.watched(since)
	w.Trees = append(slices.Clone(w.Trees), l.plan.Main.Sources.Module)
	// No package is looked for in these, see "go help packages".
	w.Ignore = append(w.Ignore, ".*", "_*", "testdata", "node_modules")
	return w
}

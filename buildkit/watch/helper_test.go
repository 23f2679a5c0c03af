package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// patient never looks without a notification, so that a test fails without them.
var patient = Options{Rescan: time.Hour}

// project is a folder of a test.
type project struct {
	t   *testing.T
	dir string
}

func newProject(t *testing.T, files ...string) *project {
	t.Helper()
	p := &project{t: t, dir: t.TempDir()}
	for _, name := range files {
		p.write(name, "package x")
	}
	return p
}

func (p *project) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

func (p *project) paths(names ...string) []string {
	var paths []string
	for _, name := range names {
		paths = append(paths, p.path(name))
	}
	return paths
}

// do fails the test when something did not work.
func (p *project) do(errs ...error) {
	p.t.Helper()
	if err := errors.Join(errs...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *project) write(name, text string) {
	p.t.Helper()
	p.do(os.MkdirAll(filepath.Dir(p.path(name)), 0o755), os.WriteFile(p.path(name), []byte(text), 0o644))
}

func (p *project) rename(from, to string) {
	p.t.Helper()
	p.do(os.Rename(p.path(from), p.path(to)))
}

func (p *project) remove(name string) {
	p.t.Helper()
	p.do(os.RemoveAll(p.path(name)))
}

// watching is a Watcher of a test, with what it has told so far.
type watching struct {
	*Watcher
	p    *project
	told []string
	may  []string // may be told or not: what was there for a moment only
	lost bool
}

func (p *project) watch(o Options, paths Paths) *watching {
	p.t.Helper()
	return p.watchBy(fsnotify.NewWatcher, o, paths)
}

// watchBy watches by notifications that a test makes.
func (p *project) watchBy(open func() (*fsnotify.Watcher, error), o Options, paths Paths) *watching {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w, err := start(ctx, o, paths, open)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		cancel()
		for range w.Events() { // until it is closed
		}
	})
	return &watching{Watcher: w, p: p}
}

// set watches other paths.
func (w *watching) set(paths Paths) {
	w.p.t.Helper()
	if err := w.Set(context.Background(), paths); err != nil {
		w.p.t.Fatal(err)
	}
}

// want receives until all of these, and nothing else, have been told since the last want.
func (w *watching) want(names ...string) {
	w.p.t.Helper()
	want := w.p.paths(names...)
	slices.Sort(want)
	limit := time.After(testkit.Patience)
	for !slices.Equal(w.told, want) {
		select {
		case e := <-w.Events():
			w.take(e)
		case <-limit:
			w.p.t.Fatalf("told %q, want %q", w.told, want)
		}
	}
	w.silent()
	w.told = nil
}

func (w *watching) take(e Event) {
	w.p.t.Helper()
	if len(e.Paths) == 0 && !e.Lost || !slices.IsSorted(e.Paths) {
		w.p.t.Errorf("%+v", e)
	}
	w.lost = w.lost || e.Lost
	e.Paths = slices.DeleteFunc(e.Paths, func(path string) bool { return slices.Contains(w.may, path) })
	w.told = slices.Concat(w.told, e.Paths)
	slices.Sort(w.told)
	w.told = slices.Compact(w.told)
}

// silent checks that nothing more is told, but what was told before.
func (w *watching) silent() {
	w.p.t.Helper()
	limit := time.After(100 * time.Millisecond)
	for {
		select {
		case e := <-w.Events():
			before := slices.Clone(w.told)
			if w.take(e); !slices.Equal(w.told, before) {
				w.p.t.Fatalf("told %q, want nothing beside %q", e.Paths, before)
			}
		case <-limit:
			return
		}
	}
}

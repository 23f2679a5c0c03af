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

// patient is options that never rescan, so that a test fails if notifications are missing.
var patient = Options{Rescan: time.Hour}

// project is a folder with a test's files.
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

// do fails the test if there is an error.
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

// watching is a test's Watcher with what it has reported since the last want.
type watching struct {
	*Watcher
	p    *project
	got  []string
	may  []string // may be reported or not: files that existed only for a moment
	lost bool
}

func (p *project) watch(o Options, paths Paths) *watching {
	p.t.Helper()
	return p.watchBy(fsnotify.NewWatcher, o, paths)
}

// watchBy watches with the notifications of open.
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

// set changes the watched paths.
func (w *watching) set(paths Paths) {
	w.p.t.Helper()
	if err := w.Set(context.Background(), paths); err != nil {
		w.p.t.Fatal(err)
	}
}

// want receives events until exactly these names have been reported since the last want.
func (w *watching) want(names ...string) {
	w.p.t.Helper()
	want := w.p.paths(names...)
	slices.Sort(want)
	limit := time.After(testkit.Patience)
	for !slices.Equal(w.got, want) {
		select {
		case e := <-w.Events():
			w.take(e)
		case <-limit:
			w.p.t.Fatalf("got %q, want %q", w.got, want)
		}
	}
	w.silent()
	w.got = nil
}

func (w *watching) take(e Event) {
	w.p.t.Helper()
	if len(e.Paths) == 0 && !e.Lost || !slices.IsSorted(e.Paths) {
		w.p.t.Errorf("%+v", e)
	}
	w.lost = w.lost || e.Lost
	e.Paths = slices.DeleteFunc(e.Paths, func(path string) bool { return slices.Contains(w.may, path) })
	w.got = slices.Concat(w.got, e.Paths)
	slices.Sort(w.got)
	w.got = slices.Compact(w.got)
}

// silent checks that nothing new is reported.
func (w *watching) silent() {
	w.p.t.Helper()
	limit := time.After(100 * time.Millisecond)
	for {
		select {
		case e := <-w.Events():
			before := slices.Clone(w.got)
			if w.take(e); !slices.Equal(w.got, before) {
				w.p.t.Fatalf("got %q, want nothing but %q", e.Paths, before)
			}
		case <-limit:
			return
		}
	}
}

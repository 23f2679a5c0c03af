package dev

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/watch"
)

// quiet is the time without further events after which a change is reported: editors write
// a file in several steps.
const quiet = 10 * time.Millisecond

// Watcher reports changes of the files that an image is made from, until its context ends. Files that mage and the build write
// are not among them.
type Watcher struct {
	watcher *watch.Watcher
	also    []string
}

// Watch watches the files of an image, and others. All changes since the run began are reported.
func Watch(ctx context.Context, p plan.Image, also []string) (*Watcher, error) {
	w := &Watcher{also: also}
	var err error
	w.watcher, err = watch.Start(ctx, watch.Options{Quiet: quiet}, w.paths(p, p.Run.Began))
	return w, err
}

// Events returns the channel of changes, see [watch.Watcher.Events].
func (w *Watcher) Events() <-chan watch.Event { return w.watcher.Events() }

// Polling returns why the files are checked at short intervals. nil means that the system reports changes.
func (w *Watcher) Polling() error { return w.watcher.Polling() }

// Follow watches the files of another plan instead. Files that have changed after since count as changed.
func (w *Watcher) Follow(ctx context.Context, p plan.Image, since time.Time) error {
	return w.watcher.Set(ctx, w.paths(p, since))
}

// FollowModule watches the whole module of a plan, while the go command does not find the program's packages.
func (w *Watcher) FollowModule(ctx context.Context, p plan.Image, since time.Time) error {
	all := w.paths(p, since)
	all.Trees = append(slices.Clone(all.Trees), p.Main.Sources.Module)
	// The go command ignores these, see "go help packages".
	all.Ignore = append(all.Ignore, ".*", "_*", "testdata", "node_modules")
	return w.watcher.Set(ctx, all)
}

func (w *Watcher) paths(p plan.Image, since time.Time) watch.Paths {
	of := p.Watched()
	return watch.Paths{
		Dirs: of.Folders, Trees: of.Trees, Files: append(slices.Clone(of.Files), w.also...), Since: since,
		Ignore: []string{filepath.Join(p.Root, "dist"), "mage_output_file.go"},
	}
}

// Package watch reports changes of files. [Start] watches a set of files and folders, [Watcher.Events] returns the
// channel of changes, and [Watcher.Set] changes the set.
//
// The operating system's notifications (inotify, kqueue, ReadDirectoryChangesW) only say where to look. A scan then
// compares names, sizes, modification times and modes with those of the last scan. So a surplus or a missing notification
// does no harm, and folders may vanish and come back. Where there are no notifications, because too many watches are
// needed or because files change on the other side of a network file system, a regular scan finds the same changes.
//
// Only folders are watched, never files: an editor that saves by renaming a new file over the old one would remove the
// watch on the old file.
package watch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Paths are what is watched. None of them needs to exist. Relative ones are relative to the current folder.
type Paths struct {
	// Files are single files. Nothing else in their folders matters.
	Files []string
	// Dirs are folders: the names in them and the content of their files, but not the content of their subfolders.
	Dirs []string
	// Trees are files, or folders with everything below them. Links to folders below them are not followed.
	Trees []string
	// Ignore excludes paths from Dirs and Trees. An entry without a slash ("*.log", "dist") is a pattern for names of
	// files and folders (see path.Match). Any other entry is a path, and excludes everything below it. Names that only
	// editors use for temporary and backup files are always ignored: "*~", ".*.sw?", "4913", "#*#", ".#*", "___jb_*___",
	// ".DS_Store". Files are never ignored.
	Ignore []string
	// Since is when the caller determined these paths. Paths that were not watched before and have been modified since
	// are reported as changed. If zero, a path that was not watched before is not reported.
	Since time.Time
}

// Event is the changes since the event before.
type Event struct {
	// Paths are the files that were created, written, removed or renamed, and the folders that were created, removed or
	// renamed: absolute, sorted, not empty unless Lost. A file that was touched, or written with the same content, is
	// among them. A file whose content has changed back before the scan may be.
	Paths []string
	// Lost means that the operating system has dropped notifications. A change that left a file's size and time
	// unchanged may then be missing from Paths.
	Lost bool
}

// Options are the delays of a Watcher. Zero values are the defaults.
type Options struct {
	// Quiet is how long nothing must happen before changes are reported, so that many are one event. Default: 20 ms.
	Quiet time.Duration
	// Limit is how long a change is delayed at most if it does not become quiet. Default: 200 ms.
	Limit time.Duration
	// Rescan is how often everything is scanned even without a notification. Default: 2 s. Scans never take more than a
	// twentieth of the time: one that takes 1 s is repeated every 20 s.
	Rescan time.Duration
	// Poll is Rescan if there are no notifications. Default: 300 ms.
	Poll time.Duration
}

// Watcher watches until its context ends.
type Watcher struct {
	options Options
	events  chan Event
	sets    chan set
	done    <-chan struct{} // of the context
	cause   func() error

	mu      sync.Mutex
	polling error

	// Only the loop uses these.
	scope   *scope
	state   snapshot
	notes   *notifier
	pending map[string]bool // changes that were not received yet
	lost    bool            // Lost of the pending event
	first   time.Time       // when the first delayed change was noted; zero if there is none
	due     *time.Timer     // when the delayed changes are scanned
	again   *time.Timer     // when everything is scanned
}

// set is one call of Set.
type set struct {
	scope *scope
	since time.Time
	ready chan struct{} // closed when the set is watched
}

// Start watches paths until ctx ends. All changes after it returns are reported.
func Start(ctx context.Context, o Options, p Paths) (*Watcher, error) {
	return start(ctx, o, p, fsnotify.NewWatcher)
}

func start(ctx context.Context, o Options, p Paths, open func() (*fsnotify.Watcher, error)) (*Watcher, error) {
	scope, err := newScope(p)
	if err != nil {
		return nil, err
	}
	w := &Watcher{
		options: o.complete(), events: make(chan Event), sets: make(chan set), done: ctx.Done(),
		cause: func() error { return context.Cause(ctx) }, scope: &noScope, pending: map[string]bool{},
	}
	w.due, w.again = time.NewTimer(time.Hour), time.NewTimer(time.Hour)
	w.due.Stop()
	w.notes, err = newNotifier(open)
	w.degrade(err)
	w.replace(scope, p.Since)
	go w.run()
	return w, nil
}

// complete fills in the defaults.
func (o Options) complete() Options {
	for _, d := range []struct {
		value   *time.Duration
		instead time.Duration
	}{{&o.Quiet, 20 * time.Millisecond}, {&o.Limit, 200 * time.Millisecond}, {&o.Rescan, 2 * time.Second}, {&o.Poll, 300 * time.Millisecond}} {
		if *d.value <= 0 {
			*d.value = d.instead
		}
	}
	return o
}

// Events returns the channel of changes. While nobody receives, changes are merged into one event, so changes during a
// build arrive after it. The channel is closed when ctx has ended and everything is cleaned up.
func (w *Watcher) Events() <-chan Event { return w.events }

// Set replaces the paths. All changes after it returns are reported. Earlier changes of paths that stay watched are not
// lost. It fails if the paths are invalid, or if ctx or the Watcher's context has ended. Then the old paths stay.
func (w *Watcher) Set(ctx context.Context, p Paths) error {
	scope, err := newScope(p)
	if err != nil {
		return err
	}
	s := set{scope: scope, since: p.Since, ready: make(chan struct{})}
	select {
	case w.sets <- s:
		<-s.ready // the loop handles it at once
		return nil
	case <-ctx.Done():
		return fmt.Errorf("watching other paths: %w", context.Cause(ctx))
	case <-w.done:
		return fmt.Errorf("watching other paths: %w", w.cause())
	}
}

// Polling returns nil if the operating system sends notifications. If not, it returns why everything is scanned
// regularly instead, which is slower but finds the same changes, and how to fix it.
func (w *Watcher) Polling() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.polling
}

// event returns what is pending as an event.
func (w *Watcher) event() Event {
	e := Event{Lost: w.lost}
	for path := range w.pending {
		e.Paths = append(e.Paths, path)
	}
	slices.Sort(e.Paths)
	return e
}

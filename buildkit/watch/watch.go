// Package watch tells when files have changed: [Start] watches a set of files and folders, [Watcher.Events] gives what
// has changed, [Watcher.Set] watches another set from then on.
//
// The operating system's notifications (inotify, kqueue, ReadDirectoryChangesW) only say where to look. What has
// changed is found by looking: names, sizes, modification times and modes are compared with those of the last look.
// So a notification more or less does no harm, folders may vanish and come back, and where there are no notifications,
// because too many watches are needed or because somebody writes on the other side of a network file system, looking
// every now and then finds the same.
//
// What is watched are folders, never files: an editor that saves by renaming a new file over the old one would take the
// watch on the file away with it.
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
	// Dirs are folders: the names in them and the content of the files in them, not what is in their folders.
	Dirs []string
	// Trees are files, or folders with everything below them. Links to folders below them are not followed.
	Trees []string
	// Ignore names what is not watched although Dirs or Trees have it: a pattern without a slash ("*.log", "dist") is
	// for names, of files and folders (path.Match has its form); anything else is a path, with all below it. Names that
	// only editors use for their temporary and backup files are always ignored: "*~", ".*.sw?", "4913", "#*#", ".#*",
	// "___jb_*___", ".DS_Store". Files are not ignored.
	Ignore []string
	// Since is when the caller found out that these are the paths. What was not watched before and has been modified
	// since is told as a change. The zero value tells nothing about what was not watched before.
	Since time.Time
}

// Event is what has changed since the one before.
type Event struct {
	// Paths are the files that were created, written, removed or renamed, and the folders that were created, removed or
	// renamed: absolute, sorted, not empty unless Lost. A file that was written with what it had before, or touched, is
	// among them; one whose content is the same again when it is looked at may be.
	Paths []string
	// Lost means that the operating system has dropped notifications: there may be a change that Paths does not have,
	// if it left a file's size and time as they were.
	Lost bool
}

// Options say how patient a Watcher is. Zero values are the defaults.
type Options struct {
	// Quiet is how long nothing must happen before a change is told, so that many at a time are one event. Default: 20 ms.
	Quiet time.Duration
	// Limit is how long a change is kept back at most when it does not become quiet. Default: 200 ms.
	Limit time.Duration
	// Rescan is how often everything is looked at although nobody has said that it has changed. Default: 2 s. Looking
	// never takes more than a twentieth of the time: what takes 1 s is done every 20 s.
	Rescan time.Duration
	// Poll is Rescan where there are no notifications. Default: 300 ms.
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

	// These belong to the loop.
	scope   *scope
	state   snapshot
	notes   *notifier
	pending map[string]bool // changes that nobody has received yet
	lost    bool            // and the Lost among them
	first   time.Time       // of the changes that are kept back; zero while none is
	due     *time.Timer     // when those are looked at
	again   *time.Timer     // when everything is looked at
}

// set is one call of Set.
type set struct {
	scope *scope
	since time.Time
	ready chan struct{} // closed when it is watched
}

// Start watches paths until ctx ends. When it returns, every change from then on will be told.
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

// complete fills the defaults in.
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

// Events gives the changes. While nobody receives, they are gathered into one event: a change during a build comes
// after it. The channel is closed when ctx has ended and everything is tidied up.
func (w *Watcher) Events() <-chan Event { return w.events }

// Set replaces the paths. When it returns, every change from then on will be told; one before it of what was watched
// before as well is not lost either. An error means that the paths make no sense, or that ctx or the Watcher's context
// has ended; then the old paths stay.
func (w *Watcher) Set(ctx context.Context, p Paths) error {
	scope, err := newScope(p)
	if err != nil {
		return err
	}
	s := set{scope: scope, since: p.Since, ready: make(chan struct{})}
	select {
	case w.sets <- s:
		<-s.ready // the loop does nothing but this
		return nil
	case <-ctx.Done():
		return fmt.Errorf("watching other paths: %w", context.Cause(ctx))
	case <-w.done:
		return fmt.Errorf("watching other paths: %w", w.cause())
	}
}

// Polling is nil while the operating system notifies. Else it says why everything is looked at every now and then
// instead, which works as well and is slower, and what helps.
func (w *Watcher) Polling() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.polling
}

// event takes what is pending.
func (w *Watcher) event() Event {
	e := Event{Lost: w.lost}
	for path := range w.pending {
		e.Paths = append(e.Paths, path)
	}
	slices.Sort(e.Paths)
	return e
}

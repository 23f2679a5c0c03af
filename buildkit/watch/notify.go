package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// notes are what the operating system has told since the last look.
type notes struct {
	dirs    map[string]bool // folders in which something has happened
	written map[string]bool // files that were created, written, removed or renamed
	gone    map[string]bool // files and folders that came or went: a folder takes the watch on it away
	all     bool            // look everywhere
	lost    bool            // the operating system has not told everything
}

func newNotes() notes {
	return notes{dirs: map[string]bool{}, written: map[string]bool{}, gone: map[string]bool{}}
}

// notifier has the operating system's notifications, if there are any.
type notifier struct {
	fs      *fsnotify.Watcher      // nil when there are none
	watched map[string]fs.FileInfo // folders, as they were when the watch on them began; the loop's
	wake    chan struct{}          // has one element when there are notes
	done    chan struct{}          // closed when listen has ended

	mu    sync.Mutex
	scope *scope
	notes notes
}

// newNotifier gives one in any case; with an error it notifies of nothing.
func newNotifier(open func() (*fsnotify.Watcher, error)) (*notifier, error) {
	n := &notifier{
		watched: map[string]fs.FileInfo{}, wake: make(chan struct{}, 1), done: make(chan struct{}),
		scope: &noScope, notes: newNotes(),
	}
	var err error
	if n.fs, err = open(); err != nil {
		n.fs = nil
		return n, err
	}
	go n.listen()
	return n, nil
}

// listen takes every notification at once: the kernel drops them when nobody does, and fsnotify holds a lock while it
// reports some errors, which adding a watch would wait for. It ends when fsnotify is closed.
func (n *notifier) listen() {
	defer close(n.done)
	events, errs := n.fs.Events, n.fs.Errors
	for events != nil || errs != nil {
		select {
		case e, open := <-events:
			if !open {
				events = nil
				continue
			}
			n.note(e)
		case err, open := <-errs:
			if !open {
				errs = nil
				continue
			}
			n.noteError(err)
		}
	}
}

// note notes a notification that the scope has to do with.
func (n *notifier) note(e fsnotify.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	covered, onTheWay := n.scope.covers(e.Name), n.scope.ways[e.Name]
	if !covered && !onTheWay {
		return
	}
	n.notes.dirs[filepath.Dir(e.Name)] = true
	if onTheWay {
		n.notes.dirs[e.Name] = true
	}
	if e.Has(fsnotify.Create) || e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		n.notes.gone[e.Name] = true
	}
	if covered && e.Op != fsnotify.Chmod { // whether a mode or a time has changed is seen by looking
		n.notes.written[e.Name] = true
	}
	n.ring()
}

// noteError looks everywhere, whatever the error is. Most often the kernel's queue was full.
func (n *notifier) noteError(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes.all = true
	n.notes.lost = n.notes.lost || errors.Is(err, fsnotify.ErrEventOverflow)
	n.ring()
}

func (n *notifier) ring() {
	select {
	case n.wake <- struct{}{}:
	default: // it rings already
	}
}

// take gives what was noted.
func (n *notifier) take() notes {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.wake:
	default:
	}
	taken := n.notes
	n.notes = newNotes()
	return taken
}

func (n *notifier) setScope(s *scope) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.scope = s
}

// scan looks at everything that the notes and changed folders require, and watches the folders that there are now. An
// error means that they cannot be watched; the look is right nevertheless.
func (n *notifier) scan(to *scope, before snapshot, noted notes) (snapshot, error) {
	n.forget(noted.gone)
	wanted := map[string]bool{}
	var failed error
	s := scanner{scope: to, before: before, after: snapshot{}, noted: noted, watch: func(dir string, self fs.FileInfo) {
		wanted[dir] = true
		added, err := n.add(dir, self)
		if added { // what happened before was not told
			noted.dirs[dir] = true
		}
		failed = errors.Join(failed, err)
	}}
	s.scan()
	for dir := range n.watched {
		if !wanted[dir] {
			n.remove(dir)
		}
	}
	return s.after, failed
}

// forget drops the watches on folders that are not, or not any more, at the place where they were. It comes before any
// new watch: the kernel has one for each folder, which fsnotify would go on calling by its old name.
func (n *notifier) forget(gone map[string]bool) {
	for dir, was := range n.watched {
		self, err := os.Stat(dir)
		if gone[dir] || err != nil || !os.SameFile(self, was) {
			n.remove(dir)
		}
	}
}

// add watches a folder, and reports whether it was not watched before.
func (n *notifier) add(dir string, self fs.FileInfo) (added bool, err error) {
	if _, watched := n.watched[dir]; watched || n.fs == nil {
		return false, nil
	}
	err = n.fs.Add(dir)
	if err == nil {
		n.watched[dir] = self
		return true, nil
	}
	now, gone := os.Stat(dir)
	if errors.Is(err, fs.ErrPermission) || gone != nil || !os.SameFile(now, self) {
		return false, nil // what cannot be looked at is not there
	}
	return false, err
}

func (n *notifier) remove(dir string) {
	_ = n.fs.Remove(dir) // it may have gone by itself
	delete(n.watched, dir)
}

// close ends the notifications.
func (n *notifier) close() {
	if n.fs == nil {
		return
	}
	_ = n.fs.Close() // there is nothing to be lost
	<-n.done
	n.fs = nil
	clear(n.watched)
}

// pollingReason is the error for people when there are no notifications.
func pollingReason(err error) error {
	fix := "none is needed: changes are found, only a little later"
	switch {
	case errors.Is(err, syscall.ENOSPC): // inotify_add_watch(2)
		fix = "raise the limit: sudo sysctl fs.inotify.max_user_watches=524288"
	case errors.Is(err, syscall.EMFILE) && runtime.GOOS == "linux": // inotify_init(2)
		fix = "raise the limit: sudo sysctl fs.inotify.max_user_instances=1024 (or ulimit -n, if that is what is reached)"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE): // kqueue opens every file
		fix = "raise the limit: ulimit -n 65536"
	}
	return fmt.Errorf("watching folders by the operating system's notifications: %w\nfix: %s", err, fix)
}

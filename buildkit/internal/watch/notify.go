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

// notes are the notifications since the last scan.
type notes struct {
	dirs    map[string]bool // folders in which something has happened
	written map[string]bool // files that were created, written, removed or renamed
	gone    map[string]bool // files and folders that came or went; a folder that goes takes its watch along
	all     bool            // scan everything
	lost    bool            // the operating system has dropped notifications
}

func newNotes() notes {
	return notes{dirs: map[string]bool{}, written: map[string]bool{}, gone: map[string]bool{}}
}

// notifier receives the operating system's notifications, if there are any.
type notifier struct {
	fs      *fsnotify.Watcher      // nil if there are none
	watched map[string]fs.FileInfo // watched folders, as they were when watched first; only the loop uses it
	wake    chan struct{}          // has an element if there are notes
	done    chan struct{}          // closed when listen has ended

	mu    sync.Mutex
	scope *scope
	notes notes
}

// newNotifier always returns a notifier. With an error, it never notifies.
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

// listen takes every notification at once, for two reasons. The kernel drops notifications that nobody takes, and
// fsnotify holds a lock while it reports some errors, which adding a watch would wait for. It ends when fsnotify is
// closed.
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

// note notes a notification if it matters to the scope.
func (n *notifier) note(e fsnotify.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	covered, onTheWay := n.scope.covers(e.Name), n.scope.ancestors[e.Name]
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
	if covered && e.Op != fsnotify.Chmod { // a scan finds changes of mode and time
		n.notes.written[e.Name] = true
	}
	n.ring()
}

// noteError requests a full scan, whatever the error is. Most often the kernel's queue was full.
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
	default: // already signalled
	}
}

// take returns the notes and starts new ones.
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

// scan scans what the notes and changed folders require, and watches the folders that exist now. On an error the
// folders cannot be watched, but the snapshot is correct.
func (n *notifier) scan(to *scope, before snapshot, noted notes) (snapshot, error) {
	n.forget(noted.gone)
	wanted := map[string]bool{}
	var failed error
	s := scanner{scope: to, before: before, after: snapshot{}, noted: noted, watch: func(dir string, self fs.FileInfo) {
		wanted[dir] = true
		added, err := n.add(dir, self)
		if added { // there was no notification of earlier changes
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

// forget drops the watches on folders that are no longer at their place. It must run before new watches are added: the
// kernel has one watch for each folder, and fsnotify would keep its old name.
func (n *notifier) forget(gone map[string]bool) {
	for dir, was := range n.watched {
		self, err := os.Stat(dir)
		if gone[dir] || err != nil || !os.SameFile(self, was) {
			n.remove(dir)
		}
	}
}

// add watches a folder, and reports whether it is newly watched.
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
		return false, nil // an unreadable folder counts as missing
	}
	return false, err
}

func (n *notifier) remove(dir string) {
	_ = n.fs.Remove(dir) // it may be gone already
	delete(n.watched, dir)
}

// close ends the notifications.
func (n *notifier) close() {
	if n.fs == nil {
		return
	}
	_ = n.fs.Close() // nothing can be lost
	<-n.done
	n.fs = nil
	clear(n.watched)
}

// pollingReason returns the error for people if there are no notifications.
func pollingReason(err error) error {
	fix := "none is needed; changes are found a little later"
	switch {
	case errors.Is(err, syscall.ENOSPC): // inotify_add_watch(2)
		fix = "raise the limit: sudo sysctl fs.inotify.max_user_watches=524288"
	case errors.Is(err, syscall.EMFILE) && runtime.GOOS == "linux": // inotify_init(2)
		fix = "raise the limit: sudo sysctl fs.inotify.max_user_instances=1024 (or ulimit -n, if that is the limit that was reached)"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE): // kqueue opens every file
		fix = "raise the limit: ulimit -n 65536"
	}
	return fmt.Errorf("watching folders by the operating system's notifications: %w\nfix: %s", err, fix)
}

package watch

import (
	"maps"
	"time"
)

// restFactor keeps scans below a twentieth of the time: after each, the pause is at least this many times as long.
const restFactor = 20

// run is the Watcher's goroutine.
func (w *Watcher) run() {
	defer close(w.events)
	defer w.notes.close()
	defer w.again.Stop()
	defer w.due.Stop()
	for {
		var out chan Event // nil, and never ready, while there is nothing to report
		var next Event
		if w.first.IsZero() && (len(w.pending) > 0 || w.lost) {
			out, next = w.events, w.event()
		}
		select {
		case <-w.done:
			return
		case s := <-w.sets:
			w.replace(s.scope, s.since)
			close(s.ready)
		case <-w.notes.wake:
			w.wait()
		case <-w.due.C:
			w.look(w.notes.take())
			w.first = time.Time{}
			w.offer()
		case <-w.again.C:
			everything := w.notes.take()
			everything.all = true
			if w.look(everything) {
				w.wait() // more may follow
			}
		case out <- next:
			w.clearPending()
		}
	}
}

// wait delays the report of changes until it is quiet, or until the limit.
func (w *Watcher) wait() {
	now := time.Now()
	if w.first.IsZero() {
		w.first = now
	}
	w.due.Reset(min(w.options.Quiet, w.first.Add(w.options.Limit).Sub(now)))
}

// offer hands over what is pending if a receiver is waiting, before the next notification makes the loop wait again.
func (w *Watcher) offer() {
	if len(w.pending) == 0 && !w.lost {
		return
	}
	select {
	case w.events <- w.event():
		w.clearPending()
	default:
	}
}

func (w *Watcher) clearPending() {
	clear(w.pending)
	w.lost = false
}

// replace changes the scope and scans everything.
func (w *Watcher) replace(to *scope, since time.Time) {
	from := w.scope
	noted := w.notes.take()
	noted.all = true
	w.scope = to
	w.notes.setScope(to)
	w.compare(noted, from, since)
}

// look scans what was noted, and reports whether anything has changed.
func (w *Watcher) look(noted notes) bool { return w.compare(noted, w.scope, time.Time{}) }

// compare updates the state and adds the changes to what is pending.
func (w *Watcher) compare(noted notes, from *scope, since time.Time) (changed bool) {
	before := w.state
	w.scan(noted)
	found := changes(before, w.state, from, w.scope, since)
	for path := range noted.written {
		// A temporary file that came and went is not reported. A folder is compared only.
		if w.scope.covers(path) && (before.isFile(path) || w.state.isFile(path)) {
			found[path] = true
		}
	}
	maps.Copy(w.pending, found)
	w.lost = w.lost || noted.lost
	return len(found) > 0
}

// scan updates the state, and schedules the next full scan.
func (w *Watcher) scan(noted notes) {
	began := time.Now()
	var err error
	if w.state, err = w.notes.scan(w.scope, w.state, noted); err != nil {
		w.degrade(err)
	}
	pause := w.options.Rescan
	if w.Polling() != nil {
		pause = w.options.Poll
	}
	if noted.all || err != nil {
		w.again.Reset(max(pause, restFactor*time.Since(began)))
	}
}

// degrade switches to polling.
func (w *Watcher) degrade(err error) {
	if err == nil {
		return
	}
	w.notes.close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.polling = pollingReason(err)
}

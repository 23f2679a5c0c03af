// Package interrupt receives the requests to end this process: signals, and orders of the
// target. It gives out a context that they cancel, or passes them on to a program.
package interrupt

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// causes are the errors of a run that is interrupted.
var causes = map[dialogue.Cause]error{
	dialogue.Interrupt: ErrInterrupted,
	dialogue.Terminate: ErrInterrupted,
	dialogue.Hangup:    ErrInterrupted,
	dialogue.Timeout:   ErrTimeout,
	dialogue.Gone:      errors.New("mage has ended"),
}

// The errors that say why a run was interrupted.
var (
	ErrInterrupted = errors.New("interrupted")
	ErrTimeout     = errors.New("timed out: the time limit of mage -t is nearly over\nfix: give -t more time, or leave it out")
)

// Watcher receives every request to end this process. It then cancels the context, or
// passes a signal on to the program in the foreground.
//
// Ctrl-C arrives twice: as SIGINT from the terminal, and as an order from the target,
// which also got SIGINT. The two count as one.
type Watcher struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	stop   func()

	mu      sync.Mutex
	counts  [2]map[dialogue.Cause]int // number of requests, by signal and by order
	program chan<- os.Signal          // signals for the program in the foreground; nil without one
	passed  bool                      // whether the program was asked to end
	timeout bool                      // whether that was because of mage -t
}

// The two ways in which a request arrives.
const (
	bySignal = iota
	byOrder
)

// Watch starts a watcher. Stop ends it.
func Watch(parent context.Context) *Watcher {
	ctx, cancel := context.WithCancelCause(parent)
	w := &Watcher{ctx: ctx, cancel: cancel, counts: [2]map[dialogue.Cause]int{{}, {}}}
	signals, quit, done := make(chan os.Signal, 4), make(chan struct{}), make(chan struct{})
	dialogue.Notify(signals)
	// Without a handler, SIGPIPE kills the process when the reader of its output ends
	// ("mage imageRun | head"), and nothing is cleaned up. With one, the write fails.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	go func() {
		defer close(done)
		for {
			select {
			case s := <-signals:
				w.handle(bySignal, dialogue.CauseOf(s))
			case <-quit:
				return
			}
		}
	}()
	w.stop = func() { signal.Stop(signals); signal.Stop(pipe); close(quit); <-done; cancel(nil) }
	return w
}

// Context returns the context that a request cancels, with one of the errors above as its cause.
func (w *Watcher) Context() context.Context { return w.ctx }

// Stop ends the watcher and its context.
func (w *Watcher) Stop() { w.stop() }

// Ignore makes this process ignore the signals that ask it to end. It is meant for a process that is about to end anyway.
func Ignore() { dialogue.Ignore() }

// Ordered handles a request that the target has sent.
func (w *Watcher) Ordered(c dialogue.Cause) { w.handle(byOrder, c) }

// handle counts a request. It acts on it unless the same request has already arrived the
// other way.
func (w *Watcher) handle(way int, c dialogue.Cause) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[way][c]++
	if w.counts[way][c] <= w.counts[1-way][c] {
		return
	}
	if c == dialogue.Gone && w.passed {
		return // the program is already ending; the end of mage is not a second request
	}
	if w.program == nil {
		w.cancel(causes[c])
		return
	}
	w.passed, w.timeout = true, w.timeout || c == dialogue.Timeout
	select {
	case w.program <- signalFor(c):
	default: // the program is being killed already
	}
}

// signalFor returns the signal for the program in the foreground.
func signalFor(c dialogue.Cause) os.Signal {
	if c == dialogue.Interrupt {
		return syscall.SIGINT
	}
	return syscall.SIGTERM
}

// Forward passes requests on to a program as signals, until restore is called. restore
// reports whether the program was asked to end.
func (w *Watcher) Forward() (signals <-chan os.Signal, restore func() (passed bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan os.Signal, 4)
	w.program = c
	return c, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.program = nil
		return w.passed
	}
}

// TimedOut reports whether a program was asked to end because the time limit of mage -t was
// nearly over.
func (w *Watcher) TimedOut() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.timeout
}

package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// The causes of an end before its time, as they are told to people.
var causes = map[dialogue.Cause]error{
	dialogue.Interrupt: errInterrupted,
	dialogue.Terminate: errInterrupted,
	dialogue.Hangup:    errInterrupted,
	dialogue.Timeout:   errTimeout,
	dialogue.Gone:      errors.New("mage has ended"),
}

var (
	errInterrupted = errors.New("interrupted")
	errTimeout     = errors.New("timed out: mage's -t is nearly over\nfix: give it more time, or none")
)

// watcher hears of everything that asks this process to end, and either ends the
// context or passes a signal on to the program in the foreground.
//
// Ctrl-C comes twice, from the terminal as SIGINT and from the target, which has
// got it too, as an order: the two are one.
type watcher struct {
	ctx  context.Context
	stop func()

	mu      sync.Mutex
	cancel  context.CancelCauseFunc
	heard   [2]map[dialogue.Cause]int // how often each came: by signal, by order
	program chan<- os.Signal          // of the foreground; nil while there is none
	passed  bool                      // the program was asked to end
	timeout bool                      // mage's -t was why
}

// The ways in which a cause comes.
const (
	bySignal = iota
	byOrder
)

func heed(parent context.Context) *watcher {
	ctx, cancel := context.WithCancelCause(parent)
	w := &watcher{ctx: ctx, cancel: cancel, heard: [2]map[dialogue.Cause]int{{}, {}}}
	signals, quit, done := make(chan os.Signal, 4), make(chan struct{}), make(chan struct{})
	dialogue.Notify(signals)
	// Somebody must want SIGPIPE, or the process dies of a reader that has gone
	// ("mage imageRun | head") with everything still to be cleaned up. Wanted, it
	// makes the write fail instead.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	go func() {
		defer close(done)
		for {
			select {
			case s := <-signals:
				w.hear(bySignal, dialogue.CauseOf(s))
			case <-quit:
				return
			}
		}
	}()
	w.stop = func() { signal.Stop(signals); signal.Stop(pipe); close(quit); <-done; cancel(nil) }
	return w
}

// told takes a cause that the target has sent.
func (w *watcher) told(c dialogue.Cause) { w.hear(byOrder, c) }

// hear counts a cause, and acts when it is not the other half of one that has come
// the other way.
func (w *watcher) hear(way int, c dialogue.Cause) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard[way][c]++
	if w.heard[way][c] <= w.heard[1-way][c] {
		return
	}
	if c == dialogue.Gone && w.passed {
		return // the program is ending; that mage has ended too is no second wish
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

// signalFor is what the program in the foreground gets.
func signalFor(c dialogue.Cause) os.Signal {
	if c == dialogue.Interrupt {
		return syscall.SIGINT
	}
	return syscall.SIGTERM
}

// divert passes signals on to a program, from now until restore. restore says
// whether the program was asked to end.
func (w *watcher) divert() (signals <-chan os.Signal, restore func() (passed bool)) {
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

// timedOut says whether a program was asked to end because mage's -t was nearly over.
func (w *watcher) timedOut() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.timeout
}

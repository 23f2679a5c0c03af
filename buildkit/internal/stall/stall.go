package stall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// The default limits.
const (
	// DefaultAnswer is long, because a registry may check or move many gigabytes before it answers.
	DefaultAnswer = 3 * time.Minute
	DefaultMove   = time.Minute

	// Unlimited as a limit means no limit.
	Unlimited time.Duration = -1
)

// Transport ends stalled requests with an [*Error].
type Transport struct {
	// Base makes the requests.
	Base http.RoundTripper
	// Answer is how long the server may take to start its answer after the request is sent. Default: [DefaultAnswer].
	Answer time.Duration
	// Move is how long no byte of the request's or the answer's body may move. Default: [DefaultMove].
	Move time.Duration
	// Slow, if set, is called from other goroutines with what a request waits for and for how long: after Notice, and
	// after each further Notice. If Notice is zero, it is never called.
	Slow   func(req *http.Request, what string, waited time.Duration)
	Notice time.Duration
}

// Error reports that a request stalled. It is a timeout in the sense of [net.Error].
type Error struct {
	What string // what the request waited for
	For  time.Duration
}

// Error returns what the request waited for, and for how long.
func (e *Error) Error() string { return fmt.Sprintf("%s for %s", e.What, e.For) }

// Timeout implements [net.Error]. It is always true.
func (e *Error) Timeout() bool { return true }

// Temporary implements [net.Error]. It is always true.
func (e *Error) Temporary() bool { return true }

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, end := context.WithCancelCause(req.Context())
	w := &watch{end: end, answer: orDefault(t.Answer, DefaultAnswer), move: orDefault(t.Move, DefaultMove)}
	if t.Slow != nil && t.Notice > 0 {
		w.notice, w.slow = t.Notice, func(what string, waited time.Duration) { t.Slow(req, what, waited) }
	}
	w.wait("the server has not answered", w.answer)
	watched := req.Clone(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		watched.Body = &sending{body: req.Body, watch: w}
	}
	resp, err := t.Base.RoundTrip(watched)
	w.answered()
	if err != nil {
		return nil, w.cause(ctx, err)
	}
	resp.Body = &receiving{body: resp.Body, watch: w, ctx: ctx}
	return resp, nil
}

func orDefault(d, other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return d
}

// watch ends a request that waits too long, and reports long waits.
type watch struct {
	end          context.CancelCauseFunc
	answer, move time.Duration
	notice       time.Duration
	slow         func(what string, waited time.Duration) // may be nil

	mu       sync.Mutex
	timer    *time.Timer
	reminder *time.Timer
	over     bool // the answer has begun: sending the rest of the body no longer counts
}

// wait replaces what is waited for.
func (w *watch) wait(what string, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopTimers()
	if limit > 0 {
		w.timer = time.AfterFunc(limit, func() { w.end(&Error{what, limit}) })
	}
	if w.slow != nil {
		w.remind(what, w.notice)
	}
}

// remind calls slow after each further notice until the wait ends.
func (w *watch) remind(what string, waited time.Duration) {
	var own *time.Timer
	own = time.AfterFunc(w.notice, func() {
		w.mu.Lock()
		current := w.reminder == own
		if current {
			w.remind(what, waited+w.notice)
		}
		w.mu.Unlock()
		if current {
			w.slow(what, waited)
		}
	})
	w.reminder = own
}

// stopTimers stops the timers.
func (w *watch) stopTimers() {
	for _, t := range []*time.Timer{w.timer, w.reminder} {
		if t != nil {
			t.Stop()
		}
	}
	w.timer, w.reminder = nil, nil
}

// waitUnlessAnswered waits for something unless the answer has begun.
func (w *watch) waitUnlessAnswered(what string, limit time.Duration) {
	w.mu.Lock()
	over := w.over
	w.mu.Unlock()
	if !over {
		w.wait(what, limit)
	}
}

// pause stops waiting for now.
func (w *watch) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopTimers()
}

// answered stops waiting, because the answer has begun.
func (w *watch) answered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.stopTimers()
}

// cause returns why a request failed: the stall if the watch ended it, or else err.
func (w *watch) cause(ctx context.Context, err error) error {
	var stalled *Error
	if errors.As(context.Cause(ctx), &stalled) {
		err = stalled
	}
	w.end(nil)
	return err
}

// sending is the body of a request.
type sending struct {
	body  io.ReadCloser
	watch *watch
}

func (s *sending) Read(p []byte) (int, error) {
	s.watch.pause() // not waiting for the server
	n, err := s.body.Read(p)
	if err == nil {
		s.watch.waitUnlessAnswered("no byte was taken by the server", s.watch.move)
	} else {
		// The last bytes may not have been sent yet.
		s.watch.waitUnlessAnswered("the server has not answered", s.watch.answer)
	}
	return n, err
}

func (s *sending) Close() error { return s.body.Close() }

// receiving is the body of an answer. It waits only during reads.
type receiving struct {
	body  io.ReadCloser
	watch *watch
	ctx   context.Context
}

func (r *receiving) Read(p []byte) (int, error) {
	r.watch.wait("no byte has come from the server", r.watch.move)
	n, err := r.body.Read(p)
	r.watch.answered()
	var stalled *Error
	if err != nil && err != io.EOF && errors.As(context.Cause(r.ctx), &stalled) {
		err = stalled
	}
	return n, err
}

func (r *receiving) Close() error {
	err := r.body.Close()
	r.watch.end(nil)
	return err
}

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

// The limits where none are set.
const (
	// DefaultAnswer is long: a registry may check, or move, many gigabytes before it answers.
	DefaultAnswer = 3 * time.Minute
	DefaultMove   = time.Minute

	// Unlimited, as a limit, is none.
	Unlimited time.Duration = -1
)

// Transport ends requests on which nothing moves, with an [*Error].
type Transport struct {
	// Base makes the requests.
	Base http.RoundTripper
	// Answer is how long an answer may take to begin when all of the request is sent. Default: [DefaultAnswer].
	Answer time.Duration
	// Move is how long no byte of a body may move, of the request's or of the answer's. Default: [DefaultMove].
	Move time.Duration
	// Slow hears, from other goroutines, what a request waits for and how long it has done so: after Notice, and after
	// each Notice more. nil, or a Notice of zero, tells nothing.
	Slow   func(req *http.Request, what string, waited time.Duration)
	Notice time.Duration
}

// Error is that nothing has moved for too long. It is a timeout in the sense of [net.Error].
type Error struct {
	What string // that has not come
	For  time.Duration
}

// Error says what was waited for, and for how long.
func (e *Error) Error() string { return fmt.Sprintf("%s for %s", e.What, e.For) }

// Timeout is that of [net.Error]: always true.
func (e *Error) Timeout() bool { return true }

// Temporary is that of [net.Error]: always true.
func (e *Error) Temporary() bool { return true }

// RoundTrip is [http.RoundTripper].
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
	w.rest()
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

// watch ends a request when what is waited for does not come, and tells how long it has been waited for.
type watch struct {
	end          context.CancelCauseFunc
	answer, move time.Duration
	notice       time.Duration
	slow         func(what string, waited time.Duration) // nil tells nothing

	mu       sync.Mutex
	timer    *time.Timer
	reminder *time.Timer
	over     bool // the answer has begun: a body that is sent still counts no more
}

// wait begins to wait for something, and no longer for what was waited for before.
func (w *watch) wait(what string, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.halt()
	if limit > 0 {
		w.timer = time.AfterFunc(limit, func() { w.end(&Error{what, limit}) })
	}
	if w.slow != nil {
		w.remind(what, w.notice)
	}
}

// remind tells of what is waited for when it has not come by then, and again later.
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

// halt waits for nothing.
func (w *watch) halt() {
	for _, t := range []*time.Timer{w.timer, w.reminder} {
		if t != nil {
			t.Stop()
		}
	}
	w.timer, w.reminder = nil, nil
}

// sent waits for something as long as there is no answer.
func (w *watch) sent(what string, limit time.Duration) {
	w.mu.Lock()
	over := w.over
	w.mu.Unlock()
	if !over {
		w.wait(what, limit)
	}
}

// pause waits for nothing now.
func (w *watch) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.halt()
}

// rest waits for nothing: there is an answer.
func (w *watch) rest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.halt()
}

// cause is why a request has failed: that of the watch, if it has ended it.
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
	s.watch.pause() // it is not the server that is waited for
	n, err := s.body.Read(p)
	if err == nil {
		s.watch.sent("no byte was taken by the server", s.watch.move)
	} else {
		// The last bytes are on their way still.
		s.watch.sent("the server has not answered", s.watch.answer)
	}
	return n, err
}

func (s *sending) Close() error { return s.body.Close() }

// receiving is the body of an answer. Only who reads it waits.
type receiving struct {
	body  io.ReadCloser
	watch *watch
	ctx   context.Context
}

func (r *receiving) Read(p []byte) (int, error) {
	r.watch.wait("no byte has come from the server", r.watch.move)
	n, err := r.body.Read(p)
	r.watch.rest()
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

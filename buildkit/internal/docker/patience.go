package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/stall"
)

// Defaults of [Waits].
const (
	// DefaultAnswer is long because an engine may have to unpack the image before it starts a container.
	DefaultAnswer = 2 * time.Minute
	DefaultNotice = 30 * time.Second
)

// Waits limit how long requests wait for an engine. The zero value means the defaults, without messages.
type Waits struct {
	// Answer limits how long an engine may take to answer, and how long a request or an answer may go without a byte of
	// progress. Loads, pulls, saves, and waits for a program's end have no limit. Default: [DefaultAnswer].
	Answer time.Duration
	// Slow, if set, is called after each Notice without progress, with what a request waits for. It may be called from any
	// goroutine.
	Slow func(text string)
	// Notice is the time between two calls of Slow. Default: [DefaultNotice].
	Notice time.Duration
}

// NoAnswerError reports that an engine accepted a request and did not answer. It is not a [net.Error], because the client
// would report a [net.Error] as an unreachable engine.
type NoAnswerError struct {
	Request string // "GET /images/hello:latest/json"
	What    string // what did not come, and for how long
}

// Error returns the request and what it waited for.
func (e *NoAnswerError) Error() string { return fmt.Sprintf("%s: %s", e.Request, e.What) }

// patience is a transport that ends requests that the engine does not answer. Open sets the waits after the engine's first
// answer.
type patience struct {
	base  http.RoundTripper
	waits atomic.Pointer[Waits]
}

func newPatience(base http.RoundTripper) *patience {
	p := &patience{base: base}
	p.set(Waits{})
	return p
}

func (p *patience) set(w Waits) {
	w.Answer, w.Notice = cmp.Or(w.Answer, DefaultAnswer), cmp.Or(w.Notice, DefaultNotice)
	p.waits.Store(&w)
}

// RoundTrip implements [http.RoundTripper].
func (p *patience) RoundTrip(req *http.Request) (*http.Response, error) {
	w := p.waits.Load()
	t := stall.Transport{Base: p.base, Answer: w.Answer, Move: w.Answer, Notice: w.Notice}
	if w.Slow != nil {
		t.Slow = func(req *http.Request, what string, waited time.Duration) {
			w.Slow(slowText(requestLine(req), what, waited))
		}
	}
	switch lengthOf(req) {
	case asLongAsItTakes:
		t.Answer, t.Move = stall.Unlimited, stall.Unlimited
	case untilSomethingHappens:
		resp, err := p.base.RoundTrip(req)
		if err == nil {
			limitAnswer(req, resp)
		}
		return resp, err
	}
	resp, err := t.RoundTrip(req)
	if err == nil {
		limitAnswer(req, resp)
	}
	var stalled *stall.Error
	var limit *limitError
	switch {
	case errors.As(err, &stalled):
		err = &NoAnswerError{requestLine(req), engineWords(stalled.Error())}
	case err != nil && errors.As(context.Cause(req.Context()), &limit):
		err = &NoAnswerError{requestLine(req), limit.Error()}
	}
	return resp, err
}

// limitError is the cause of a context that ended because a request has a limit of its own.
type limitError struct{ limit time.Duration }

func (l *limitError) Error() string {
	return fmt.Sprintf("the engine has not answered for %s", l.limit)
}

// slowText returns the message about a request without progress.
func slowText(request, what string, waited time.Duration) string {
	return fmt.Sprintf("still waiting: %s for %s (%s)", engineWords(what), waited, request)
}

// engineWords returns a text of package stall with "the engine" for "the server".
func engineWords(what string) string { return strings.Replace(what, "the server", "the engine", 1) }

// length says how long a request may take.
type length int

const (
	bounded               length = iota
	asLongAsItTakes              // the engine may have gigabytes to process
	untilSomethingHappens        // silence is normal
)

// lengthOf goes by the path of a request (https://docs.docker.com/reference/api/engine/version/v1.51/).
func lengthOf(req *http.Request) length {
	path := unversioned(req)
	switch {
	case path == "/images/load", path == "/images/create", path == "/images/get",
		strings.HasPrefix(path, "/images/") && strings.HasSuffix(path, "/get"):
		return asLongAsItTakes
	case path == "/events", strings.HasPrefix(path, "/containers/") && strings.HasSuffix(path, "/wait"):
		return untilSomethingHappens
	}
	return bounded
}

var apiVersion = regexp.MustCompile(`^/v\d+\.\d+/`)

// unversioned returns a request's path without the API version.
func unversioned(req *http.Request) string { return apiVersion.ReplaceAllString(req.URL.Path, "/") }

// requestLine returns the name of a request for messages.
func requestLine(req *http.Request) string { return req.Method + " " + unversioned(req) }

// hijacked holds a connection that a request takes over. Once it is open, the client ignores the request's context.
type hijacked struct{ conn atomic.Pointer[net.Conn] }

// hijackKey is the key of a context's hijacked connection.
type hijackKey struct{}

// notingHijack wraps dial: if the context has a hijacked, it stores the connection there.
func notingHijack(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if h, ok := ctx.Value(hijackKey{}).(*hijacked); ok && err == nil {
			h.opened(conn)
		}
		return conn, err
	}
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

func (h *hijacked) opened(conn net.Conn) { h.conn.Store(&conn) }

func (h *hijacked) close() {
	if conn := h.conn.Load(); conn != nil {
		(*conn).Close()
	}
}

// attachTo is the client's ContainerAttach with a time limit.
func (e *Engine) attachTo(ctx context.Context, id string, o container.AttachOptions) (types.HijackedResponse, error) {
	return e.hijack(ctx, "POST /containers/"+id+"/attach", func(ctx context.Context) (types.HijackedResponse, error) {
		return e.api.ContainerAttach(ctx, id, o)
	})
}

// execAttach is the client's ContainerExecAttach with a time limit.
func (e *Engine) execAttach(ctx context.Context, id string) (types.HijackedResponse, error) {
	return e.hijack(ctx, "POST /exec/"+id+"/start", func(ctx context.Context) (types.HijackedResponse, error) {
		return e.api.ContainerExecAttach(ctx, id, container.ExecAttachOptions{})
	})
}

// heard reads the output of a command in a container. It calls Slow while no byte comes. After limit without a byte it
// closes the connection and returns a NoAnswerError, unless limit is [stall.Unlimited].
type heard struct {
	conn    types.HijackedResponse
	request string // "POST /exec/ID/start"
	waits   *Waits
	limit   time.Duration
}

// hear returns the output of a started command.
func (e *Engine) hear(conn types.HijackedResponse, exec string, limited bool) *heard {
	w := e.waits.waits.Load()
	h := &heard{conn: conn, request: "POST /exec/" + exec + "/start", waits: w, limit: stall.Unlimited}
	if limited {
		h.limit = w.Answer
	}
	return h
}

func (h *heard) Read(p []byte) (int, error) {
	const what = "no byte has come from the engine"
	var over atomic.Bool
	if h.limit > 0 {
		end := time.AfterFunc(h.limit, func() { over.Store(true); h.conn.Close() })
		defer end.Stop()
	}
	if h.waits.Slow != nil {
		done := make(chan struct{})
		defer close(done)
		defer time.AfterFunc(h.waits.Notice, func() { h.remind(what, done) }).Stop()
	}
	n, err := h.conn.Reader.Read(p)
	if over.Load() {
		return 0, &NoAnswerError{h.request, fmt.Sprintf("%s for %s", what, h.limit)}
	}
	return n, err
}

// remind calls Slow now and after each further Notice until done.
func (h *heard) remind(what string, done <-chan struct{}) {
	next := time.NewTicker(h.waits.Notice)
	defer next.Stop()
	for waited := h.waits.Notice; ; waited += h.waits.Notice {
		h.waits.Slow(slowText(h.request, what, waited))
		select {
		case <-next.C:
		case <-done:
			return
		}
	}
}

// hijack makes a request that takes its connection over. It closes the connection if the engine does not answer in time, or
// if ctx ends before the answer.
func (e *Engine) hijack(ctx context.Context, request string, ask func(context.Context) (types.HijackedResponse, error)) (types.HijackedResponse, error) {
	const what = "the engine has not answered"
	w, h := e.waits.waits.Load(), &hijacked{}
	limited, cancel := context.WithTimeoutCause(ctx, w.Answer, &NoAnswerError{request, fmt.Sprintf("%s for %s", what, w.Answer)})
	defer cancel()
	stop := context.AfterFunc(limited, h.close)
	if w.Slow != nil {
		told := time.AfterFunc(w.Notice, func() { w.Slow(slowText(request, what, w.Notice)) })
		defer told.Stop()
	}
	conn, err := ask(context.WithValue(limited, hijackKey{}, h))
	if !stop() {
		if err == nil {
			conn.Close()
		}
		return types.HijackedResponse{}, context.Cause(limited)
	}
	return conn, err
}

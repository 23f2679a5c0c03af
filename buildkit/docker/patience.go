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

	"github.com/fromscratch-go/fromscratch/buildkit/stall"
)

// The waits where none are set.
const (
	// DefaultAnswer is long: to start a container, an engine may have to unpack its image first.
	DefaultAnswer = 2 * time.Minute
	DefaultNotice = 30 * time.Second
)

// Waits bound how long requests wait for an engine. The zero value has the defaults, and tells nothing.
type Waits struct {
	// Answer is how long an engine may take to answer, and how long no byte of a request or of an answer may move. A load,
	// a pull and a save, and what waits for a program's end, take as long as they like. Default: [DefaultAnswer].
	Answer time.Duration
	// Slow hears, from any goroutine, what has been waited for without progress for Notice, and again after each Notice.
	// nil hears nothing.
	Slow func(text string)
	// Notice is how long that is. Default: [DefaultNotice].
	Notice time.Duration
}

// NoAnswerError means that an engine has accepted a request and has not answered it. It is no [net.Error]: the client
// would take that for an engine that cannot be reached.
type NoAnswerError struct {
	Request string // "GET /images/hello:latest/json"
	What    string // what has not come, and for how long
}

// Error names the request and what was waited for.
func (e *NoAnswerError) Error() string { return fmt.Sprintf("%s: %s", e.Request, e.What) }

// patience is a transport that ends requests which an engine does not answer. What it waits for is set when the engine
// has been reached.
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

// RoundTrip is [http.RoundTripper].
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
		return p.base.RoundTrip(req)
	}
	resp, err := t.RoundTrip(req)
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

// limitError is the cause of a context whose time is over: that of a request which has a limit of its own.
type limitError struct{ limit time.Duration }

func (l *limitError) Error() string {
	return fmt.Sprintf("the engine has not answered for %s", l.limit)
}

// slowText is what a person reads about a request that makes no progress.
func slowText(request, what string, waited time.Duration) string {
	return fmt.Sprintf("still waiting: %s for %s (%s)", engineWords(what), waited, request)
}

// engineWords are the words of package stall about an engine.
func engineWords(what string) string { return strings.Replace(what, "the server", "the engine", 1) }

// length is how long a request may take.
type length int

const (
	bounded               length = iota
	asLongAsItTakes              // the engine works, maybe on gigabytes
	untilSomethingHappens        // there is nothing to wait for
)

// lengthOf knows the requests by their paths (https://docs.docker.com/reference/api/engine/version/v1.51/).
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

// unversioned is a request's path without the API's version.
func unversioned(req *http.Request) string { return apiVersion.ReplaceAllString(req.URL.Path, "/") }

// requestLine names a request for people.
func requestLine(req *http.Request) string { return req.Method + " " + unversioned(req) }

// hijacked is a connection that a request takes over: the client does not look at the request's context once it is open.
type hijacked struct{ conn atomic.Pointer[net.Conn] }

// hijackKey is where a context has its hijacked connection.
type hijackKey struct{}

// notingHijack is dial, which gives the connection to the request that takes it over.
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

// attachTo is the client's ContainerAttach with an end.
func (e *Engine) attachTo(ctx context.Context, id string, o container.AttachOptions) (types.HijackedResponse, error) {
	return e.hijack(ctx, "POST /containers/"+id+"/attach", func(ctx context.Context) (types.HijackedResponse, error) {
		return e.api.ContainerAttach(ctx, id, o)
	})
}

// execAttach is the client's ContainerExecAttach with an end.
func (e *Engine) execAttach(ctx context.Context, id string) (types.HijackedResponse, error) {
	return e.hijack(ctx, "POST /exec/"+id+"/start", func(ctx context.Context) (types.HijackedResponse, error) {
		return e.api.ContainerExecAttach(ctx, id, container.ExecAttachOptions{})
	})
}

// heard is the output of a command in a container. While it is waited for, a person is told now and then; after limit
// without a byte the connection is closed, and the error is a NoAnswerError. A limit of [stall.Unlimited] is none.
type heard struct {
	conn    types.HijackedResponse
	request string // "POST /exec/ID/start"
	waits   *Waits
	limit   time.Duration
}

// hear is the output of a command that has been started.
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

// remind tells that something is waited for, now and after each further notice until done.
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

// hijack makes a request that takes its connection over. The connection is closed when the engine does not answer in
// time, or ctx ends before it has.
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

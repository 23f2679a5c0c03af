package docker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// silent returns an engine that never answers requests to a path, and a function that returns the messages of Slow so far.
func silent(t *testing.T, path string, answer time.Duration) (e *Engine, told func() string) {
	t.Helper()
	left := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, path) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-left
			return
		}
		w.Header().Set("Api-Version", "1.41")
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"Id":"c1"}`)
		}
	}))
	t.Cleanup(func() { close(left); server.CloseClientConnections(); server.Close() })
	var mu sync.Mutex
	var lines []string
	e, err := Open(context.Background(), Options{Options: host.Options{Host: dockertest.TCPHost(server)}, Waits: Waits{
		Answer: answer, Notice: 50 * time.Millisecond, Slow: func(text string) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, text)
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e, func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(lines, "\n")
	}
}

// A request without an answer ends, and Slow reports it before.
func TestNoAnswer(t *testing.T) {
	for _, test := range []struct {
		name, path, request string
		do                  func(context.Context, *Engine) error
	}{
		{"inspecting an image", "/json", "GET /images/hello/json", func(ctx context.Context, e *Engine) error {
			_, _, err := e.Image(ctx, "hello")
			return err
		}},
		{"making a container", "/create", "POST /containers/create", func(ctx context.Context, e *Engine) error {
			_, err := e.Run(ctx, RunRequest{Image: "hello"})
			return err
		}},
		{"attaching", "/attach", "POST /containers/c1/attach", func(ctx context.Context, e *Engine) error {
			_, err := e.attachTo(ctx, "c1", container.AttachOptions{Stream: true})
			return e.Failed("attaching", err)
		}},
		{"starting a container", "/start", "POST /containers/c1/start", func(ctx context.Context, e *Engine) error {
			return e.Failed("starting", e.start(ctx, "c1", DefaultGrace))
		}},
		{"asking for the platform", "/version", "GET /version", func(ctx context.Context, e *Engine) error {
			_, err := e.Platform(ctx)
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, told := silent(t, test.path, 200*time.Millisecond)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			err := test.do(ctx, e)
			var none *NoAnswerError
			if dockertest.WantError(t, err, "the engine has not answered for 200ms", "docker ps"); !errors.As(err, &none) || none.Request != test.request {
				t.Errorf("%v is not about %s", err, test.request)
			}
			if want := "still waiting: the engine has not answered for 50ms (" + test.request + ")"; !strings.Contains(told(), want) {
				t.Errorf("told %q, want %q in it", told(), want)
			}
		})
	}
}

// A load has no time limit. Slow reports it, and it ends with its context.
func TestLoadTakesLong(t *testing.T) {
	e, told := silent(t, "/images/load", 100*time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- e.Load(ctx, LoadRequest{Ref: "hello", Previous: &Image{}, Write: func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, "an archive")
			return err
		}})
	}()
	want := "still waiting: the engine has not answered for 250ms (POST /images/load)"
	eventually(t, "the load is told of", func() bool { return strings.Contains(told(), want) })
	select {
	case err := <-ended:
		t.Fatalf("the load has ended: %v", err)
	default:
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A request that is made even after the end of ctx has its own limit. Its error is like that of other requests.
func TestNoAnswerToCleanup(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, path, request string
		do                  func(context.Context, *Engine) error
	}{
		{"removing a container", "/containers/c1", "DELETE /containers/c1", func(ctx context.Context, e *Engine) error {
			return (&Builder{ID: "c1", engine: e}).Remove(ctx)
		}},
		{"inspecting a container that has started", "/json", "GET /containers/c1/json", func(ctx context.Context, e *Engine) error {
			_, _, err := e.announce(ctx, container.CreateResponse{ID: "c1"}, RunRequest{})
			return e.Failed("starting", err)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, _ := silent(t, test.path, time.Minute)
			e.cleanup = 200 * time.Millisecond
			err := test.do(context.Background(), e)
			var none *NoAnswerError
			if dockertest.WantError(t, err, "the engine has not answered for 200ms", "docker ps"); !errors.As(err, &none) || none.Request != test.request {
				t.Errorf("%v is not about %s", err, test.request)
			}
		})
	}
}

// A longer Answer also applies to making and starting a container.
func TestLongAnswer(t *testing.T) {
	t.Parallel()
	e, _ := silent(t, "/nothing", time.Hour)
	ctx, cancel := e.startContext(context.Background())
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < time.Hour {
		t.Errorf("a start is given up %v from now, before the time for an answer is over", time.Until(deadline))
	}
}

// A command in a container without output is given up, unless it has no time limit.
func TestNoOutput(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		ends bool
		do   func(context.Context, *Engine) error
	}{
		{"a list of names", true, func(ctx context.Context, e *Engine) error {
			return (&Builder{ID: "c1", engine: e}).List(ctx, io.Discard, "/")
		}},
		{"a search", true, func(ctx context.Context, e *Engine) error {
			_, err := (&Builder{ID: "c1", engine: e}).Look(ctx, nil, "gcc")
			return err
		}},
		{"a command in any container", true, func(ctx context.Context, e *Engine) error {
			_, err := e.Exec(ctx, ExecRequest{Container: "c1", Where: "the node n", Args: []string{"ctr"}})
			return e.Failed("listing", err)
		}},
		{"a compiler", false, func(ctx context.Context, e *Engine) error {
			_, err := (&Builder{ID: "c1", engine: e}).Exec(ctx, BuilderCommand{Args: []string{"go", "build"}})
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			left := make(chan struct{})
			e := scriptedEngine(t, func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/start") {
					_, _ = io.WriteString(w, `{"Id":"x1"}`)
					return
				}
				conn, out, err := w.(http.Hijacker).Hijack()
				if err != nil {
					return
				}
				defer conn.Close()
				_, _ = io.WriteString(out, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
				_ = out.Flush()
				<-left
			})
			t.Cleanup(func() { close(left) })
			slow := make(chan string, 100)
			e.waits.set(Waits{Answer: 2 * time.Second, Notice: 500 * time.Millisecond, Slow: func(text string) { slow <- text }})
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			ended := make(chan error, 1)
			go func() { ended <- test.do(ctx, e) }()
			if !test.ends {
				time.AfterFunc(4*time.Second, func() { cancel(errors.New("it was waited for")) })
			}
			select {
			case err := <-ended:
				if !test.ends {
					if !strings.Contains(err.Error(), "it was waited for") {
						t.Errorf("it has ended: %v", err)
					}
					return
				}
				var none *NoAnswerError
				if dockertest.WantError(t, err, "no byte has come from the engine for 2s", "docker ps"); !errors.As(err, &none) {
					t.Errorf("%v is of another kind", err)
				}
				if text := <-slow; !strings.Contains(text, "still waiting: no byte has come from the engine for 500ms (POST /exec/x1/start)") {
					t.Errorf("told %q", text)
				}
			case <-time.After(testkit.Patience):
				t.Fatal("it does not end")
			}
		})
	}
}

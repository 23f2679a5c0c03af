package docker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// forwarder forwards requests to e.
func forwarder(t *testing.T, e *Engine) *httputil.ReverseProxy {
	t.Helper()
	socket, found := strings.CutPrefix(e.Host(), "unix://")
	if !found {
		testkit.Skip(t, "the engine has no unix socket")
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine" },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}},
		ErrorLog: quiet(),
	}
}

// between connects to e through a proxy. If answer returns true, it has answered the request itself.
func between(t *testing.T, e *Engine, answer func(w http.ResponseWriter, r *http.Request) bool) *Engine {
	t.Helper()
	return behind(t, forwarder(t, e), answer)
}

// behind connects to an engine through a proxy.
func behind(t *testing.T, proxy *httputil.ReverseProxy, answer func(w http.ResponseWriter, r *http.Request) bool) *Engine {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	through, err := Open(context.Background(), Options{Options: host.Options{Host: dockertest.TCPHost(server)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { through.Close() })
	return through
}

// If any request fails after the container was made, the container is removed, and the error has the engine's message.
func TestRunEngineFails(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ti := (&testImage{}).build(t).load(t, e)
	for _, path := range []string{"/attach", "/start", "/json", "/wait"} {
		t.Run(path, func(t *testing.T) {
			sick := between(t, e, func(w http.ResponseWriter, r *http.Request) bool {
				fails := strings.Contains(r.URL.Path, "/containers/") && strings.HasSuffix(r.URL.Path, path)
				if fails {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusInternalServerError)
					w.Write([]byte(`{"message":"the engine is sick"}`))
				}
				return fails
			})
			code, err := sick.Run(context.Background(), newRun(t, e, ti, "stubborn"))
			text := "the engine is sick"
			if path == "/attach" { // the client has no words for that
				text = "attaching to the container"
			}
			if dockertest.WantError(t, err, text, "log"); code != NoExit {
				t.Errorf("code %d", code)
			}
		})
	}
}

// If ctx ends while the engine makes or starts the container, nothing is left.
func TestRunCancelDuring(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ti := (&testImage{}).build(t).load(t, e)
	for _, path := range []string{"/create", "/attach", "/start", "/wait"} {
		t.Run(path, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			proxy := forwarder(t, e)
			proxy.ModifyResponse = func(r *http.Response) error { // done, and the client does not know yet
				if strings.Contains(r.Request.URL.Path, "/containers/") && strings.HasSuffix(r.Request.URL.Path, path) {
					cancel()
				}
				return nil
			}
			slow := behind(t, proxy, func(http.ResponseWriter, *http.Request) bool { return false })
			req := newRun(t, e, ti, "stubborn")
			req.Grace = time.Millisecond
			if code, err := slow.Run(ctx, req); !errors.Is(err, context.Canceled) || code == 0 {
				t.Errorf("code %d, %v", code, err)
			}
		})
	}
}

// If a signal comes while the engine makes the container, attaches to it or starts it, the container is removed. Run returns
// 128 plus the signal's number.
func TestRunSignalledBeforeTheStart(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ti := (&testImage{}).build(t).load(t, e)
	for _, path := range []string{"/create", "/attach", "/start"} {
		t.Run(path, func(t *testing.T) {
			signals := make(chan os.Signal, 1)
			mute := between(t, e, func(_ http.ResponseWriter, r *http.Request) bool {
				stuck := strings.HasSuffix(r.URL.Path, path)
				if stuck {
					signals <- os.Interrupt
					_, _ = io.Copy(io.Discard, r.Body) // otherwise the server does not see that the client has gone
					<-r.Context().Done()
				}
				return stuck
			})
			mute.waits.set(Waits{Answer: 5 * time.Second})
			req := newRun(t, e, ti, "stubborn")
			req.Signals, req.Grace = signals, time.Millisecond
			if code, err := mute.Run(context.Background(), req); code != 130 || err != nil {
				t.Errorf("code %d, %v", code, err)
			}
		})
	}
}

// While an engine makes a container, it lists it and says that it has none to remove. RemoveMarked removes it then.
func TestRemoveMarkedWhileItIsMade(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ti := (&testImage{}).build(t).load(t, e)
	mark := NewMark()
	req := newRun(t, e, ti, "stubborn")
	created, err := e.createMarked(context.Background(), &container.Config{Image: req.Image, Labels: req.Labels}, nil, "", mark)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.remove(context.Background(), created.ID) })
	making := true
	early := between(t, e, func(w http.ResponseWriter, r *http.Request) bool {
		absent := making && r.Method == http.MethodDelete
		if absent {
			making = false
			http.Error(w, `{"message":"No such container"}`, http.StatusNotFound)
		}
		return absent
	})
	if n, err := early.RemoveMarked(context.Background(), mark, 0); n != 1 || err != nil {
		t.Errorf("%d containers, %v", n, err)
	}
	if _, err := e.api.ContainerInspect(context.Background(), created.ID); !errdefs.IsNotFound(err) || making {
		t.Errorf("the container is still there: %v", err)
	}
}

// If an engine accepts signals and does nothing, Run removes the container by force.
func TestRunStuck(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ti := (&testImage{}).build(t).load(t, e)
	deaf := between(t, e, func(w http.ResponseWriter, r *http.Request) bool {
		fails := strings.HasSuffix(r.URL.Path, "/kill")
		if fails {
			w.WriteHeader(http.StatusNoContent)
		}
		return fails
	})
	deaf.giveUp = time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	req := newRun(t, e, ti, "stubborn")
	req.Started, req.Grace = func(Container) { cancel() }, time.Millisecond
	code, err := deaf.Run(ctx, req)
	if code != NoExit || !errors.Is(err, context.Canceled) || !errors.Is(err, errStuck) {
		t.Errorf("code %d, %v", code, err)
	}
}

// blocked is a writer that blocks until it is released.
type blocked struct{ released chan struct{} }

func (b blocked) Write(p []byte) (int, error) { <-b.released; return len(p), nil }

// A blocked writer does not keep Run from stopping the program.
func TestRunBlockedOutput(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		req := newRun(t, e, (&testImage{}).build(t).load(t, e), "flood", "1000000000")
		out := blocked{make(chan struct{})}
		req.Stdout, req.Grace = out, 100*time.Millisecond
		req.Started = func(c Container) {
			cancel()
			go func() {
				defer close(out.released)
				for {
					info, err := e.api.ContainerInspect(context.Background(), c.ID)
					if err != nil || !info.State.Running {
						return
					}
					time.Sleep(50 * time.Millisecond)
				}
			}()
		}
		code, err := e.Run(ctx, req)
		if code == 0 || !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "sending SIG") {
			t.Errorf("code %d, %v", code, err)
		}
	})
}

func TestHead(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		writes []string
		line   string
		ok     bool
	}{
		{"nothing", nil, "", false},
		{"one line", []string{"exec /x: ", "no such file\n"}, "exec /x: no such file", true},
		{"two lines", []string{"one\ntwo\n"}, "", false},
		{"long", []string{strings.Repeat("x", headLimit), "y"}, "", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var all bytes.Buffer
			h := &head{w: &all}
			for _, w := range c.writes {
				if n, err := h.Write([]byte(w)); n != len(w) || err != nil {
					t.Fatal(n, err)
				}
			}
			line, ok := h.line()
			if ok != c.ok || ok && line != c.line || all.String() != strings.Join(c.writes, "") {
				t.Errorf("%q %v", line, ok)
			}
		})
	}
}

// A program that writes runc's message to stderr is not taken for one that runc could not execute.
func TestExecFailure(t *testing.T) {
	t.Parallel()
	cases := []struct{ stderr, entrypoint, want string }{
		{"exec /hello: no such file or directory\n", "/hello", `executing "/hello": no such file or directory`},
		{"exec /bin/hello: exec format error\n", "hello", `executing "hello": exec format error`},
		{"standard_init_linux.go:228: exec user process caused: exec format error\n", "/hello", `executing "/hello": exec format error`},
		{"exec /other: no such file or directory\n", "/hello", ""},
		{"exec /hello: a file is missing\n", "/hello", ""},
		{"open /data/x: no such file or directory\n", "/hello", ""},
		{"exec /hello: no such file or directory\nand more\n", "/hello", ""},
	}
	for _, c := range cases {
		t.Run(c.stderr, func(t *testing.T) {
			o := &output{stderr: &head{w: &bytes.Buffer{}}}
			if _, err := o.stderr.Write([]byte(c.stderr)); err != nil {
				t.Fatal(err)
			}
			err := o.execFailure(c.entrypoint)
			if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
				t.Errorf("%v", err)
			}
		})
	}
}

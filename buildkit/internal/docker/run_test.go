package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
)

// newRun returns a request for the test program. The test fails if the container is left at its end.
func newRun(t *testing.T, e *Engine, ti *testImage, args ...string) RunRequest {
	t.Helper()
	req := RunRequest{
		Image: ti.Ref, Name: "fromscratch-test-" + dockertest.Random(), Args: args, Network: "none",
		Labels: map[string]string{dockertest.Label: dockertest.RunLabel()},
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if _, err := e.api.ContainerInspect(ctx, req.Name); !errdefs.IsNotFound(err) {
			t.Errorf("container %s is left: %v", req.Name, err)
			e.api.ContainerRemove(ctx, req.Name, container.RemoveOptions{Force: true})
		}
	})
	return req
}

// lines collects output and calls functions for the lines "ready" and "got …".
type lines struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	ready func()
	got   func()
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ready != nil && bytes.Contains(p, []byte("ready")) {
		l.ready()
	}
	if l.got != nil && bytes.Contains(p, []byte("got")) {
		l.got()
	}
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestRun(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name           string
		args           []string
		env            []string
		code           int
		stdout, stderr string
	}{
		{name: "image's own command", stdout: "hello\n"},
		{name: "exit 0", args: []string{"exit", "0"}},
		{name: "exit 42", args: []string{"exit", "42"}, code: 42},
		{name: "two streams", args: []string{"output"}, stdout: "one to stdout\ntwo to stdout\n", stderr: "one to stderr\n"},
		{name: "environment", args: []string{"env", "GREETING"}, env: []string{"GREETING=hi there"}, stdout: "hi there\n"},
		{name: "all output", args: []string{"flood", "3000000"}, stdout: strings.Repeat(strings.Repeat("x", 99)+"\n", 30000)},
	}
	eachEngine(t, func(t *testing.T, e *Engine) {
		ti := (&testImage{}).build(t).load(t, e)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				var stdout, stderr bytes.Buffer
				started := 0
				req := newRun(t, e, ti, c.args...)
				req.Env, req.Stdout, req.Stderr = c.env, &stdout, &stderr
				req.Started = func(c Container) {
					if started++; c.ID == "" || len(c.Ports) != 0 {
						t.Errorf("started %+v", c)
					}
				}
				code, err := e.Run(context.Background(), req)
				if err != nil || code != c.code || started != 1 {
					t.Errorf("code %d, %d starts, %v", code, started, err)
				}
				if stdout.String() != c.stdout || stderr.String() != c.stderr {
					t.Errorf("stdout %.200q (%d bytes), stderr %.200q", stdout.String(), stdout.Len(), stderr.String())
				}
			})
		}
	})
}

func TestRunSignals(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		program string
		signals []os.Signal
		grace   time.Duration
		code    int
		stdout  string
	}{
		{"SIGTERM", "signal", []os.Signal{syscall.SIGTERM}, 0, 7, "ready\ngot terminated\n"},
		{"SIGINT", "signal", []os.Signal{os.Interrupt}, 0, 7, "ready\ngot interrupt\n"},
		{"SIGHUP", "signal", []os.Signal{syscall.SIGHUP}, 0, 7, "ready\ngot hangup\n"},
		{"stubborn, grace over", "stubborn", []os.Signal{syscall.SIGTERM}, time.Second, 137, "ready\n"},
		{"stubborn, second signal", "stubborn", []os.Signal{syscall.SIGTERM, os.Interrupt}, time.Hour, 137, "ready\n"},
	}
	eachEngine(t, func(t *testing.T, e *Engine) {
		ti := (&testImage{}).build(t).load(t, e)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				signals := make(chan os.Signal, 2)
				out := &lines{ready: func() {
					for _, s := range c.signals {
						signals <- s
					}
				}}
				req := newRun(t, e, ti, c.program)
				req.Stdout, req.Signals, req.Grace = out, signals, c.grace
				code, err := e.Run(context.Background(), req)
				if err != nil || code != c.code || out.String() != c.stdout {
					t.Errorf("code %d, stdout %q, %v", code, out, err)
				}
			})
		}
	})
}

// A closed channel of signals means that no more signals come.
func TestRunSignalsClosed(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	req := newRun(t, e, (&testImage{}).build(t).load(t, e), "exit", "3")
	signals := make(chan os.Signal)
	close(signals)
	req.Signals = signals
	if code, err := e.Run(context.Background(), req); code != 3 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
}

func TestRunCancel(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		program string
		grace   time.Duration
		signal  bool // Ctrl-C comes as a signal too
		code    int
	}{
		{"obedient", "signal", 0, false, 7},
		{"stubborn", "stubborn", time.Second, false, 137},
		{"with a signal", "signal", 0, true, 7},
	}
	eachEngine(t, func(t *testing.T, e *Engine) {
		ti := (&testImage{}).build(t).load(t, e)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				reason := errors.New("the user left")
				ctx, cancel := context.WithCancelCause(context.Background())
				signals := make(chan os.Signal, 1)
				req := newRun(t, e, ti, c.program)
				req.Signals, req.Grace = signals, c.grace
				req.Stdout = &lines{ready: func() {
					if c.signal {
						signals <- syscall.SIGTERM
					}
					cancel(reason)
				}}
				code, err := e.Run(ctx, req)
				if code != c.code || !errors.Is(err, reason) {
					t.Errorf("code %d, %v", code, err)
				}
			})
		}
		t.Run("after a signal, asks once", func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			signals := make(chan os.Signal, 1)
			out := &lines{ready: func() { signals <- syscall.SIGTERM }, got: cancel}
			req := newRun(t, e, ti, "unmoved")
			req.Stdout, req.Signals, req.Grace = out, signals, time.Second
			code, err := e.Run(ctx, req)
			if code != 137 || !errors.Is(err, context.Canceled) || out.String() != "ready\ngot terminated\n" {
				t.Errorf("code %d, stdout %q, %v", code, out, err)
			}
		})
		t.Run("before", func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			if code, err := e.Run(ctx, newRun(t, e, ti)); code != NoExit || !errors.Is(err, context.Canceled) {
				t.Errorf("code %d, %v", code, err)
			}
		})
		t.Run("when started", func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			req := newRun(t, e, ti, "stubborn")
			req.Started, req.Grace = func(Container) { cancel() }, time.Millisecond
			if _, err := e.Run(ctx, req); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	})
}

// broken is a writer that fails, as a closed pipe does.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRunBrokenOutput(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		req := newRun(t, e, (&testImage{}).build(t).load(t, e), "flood", "1000000000")
		req.Stdout, req.Grace = broken{}, time.Second
		code, err := e.Run(context.Background(), req)
		if code == 0 || !errors.Is(err, io.ErrClosedPipe) || strings.Contains(err.Error(), "sending SIG") {
			t.Errorf("code %d, %v", code, err)
		}
	})
}

// slow is a writer that still writes long after the program has exited.
type slow struct{ n int }

func (s *slow) Write(p []byte) (int, error) {
	time.Sleep(2 * time.Millisecond)
	s.n += len(p)
	return len(p), nil
}

func TestRunSlowOutput(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		var out slow
		req := newRun(t, e, (&testImage{}).build(t).load(t, e), "flood", "3000000")
		req.Stdout = &out
		if code, err := e.Run(context.Background(), req); code != 0 || err != nil || out.n != 3000000 {
			t.Errorf("code %d, %d bytes, %v", code, out.n, err)
		}
	})
}

// The request's health check reaches the container, even though podman drops the image's.
func TestRunHealthcheck(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		req := newRun(t, e, (&testImage{}).build(t).load(t, e), "signal")
		req.Healthcheck = &Healthcheck{Test: []string{"CMD", "/program", "exit", "0"}, Interval: time.Hour, Retries: 2}
		signals := make(chan os.Signal, 1)
		req.Signals = signals
		req.Started = func(c Container) {
			info, err := e.api.ContainerInspect(context.Background(), c.ID)
			if err != nil || info.Config.Healthcheck == nil || fmt.Sprint(info.Config.Healthcheck.Test) != "[CMD /program exit 0]" {
				t.Errorf("%+v, %v", info.Config, err)
			}
		}
		req.Stdout = &lines{ready: func() { signals <- syscall.SIGTERM }}
		if code, err := e.Run(context.Background(), req); code != 7 || err != nil {
			t.Errorf("code %d, %v", code, err)
		}
	})
}

// Runs leave no goroutine. TestMain checks that they leave no container.
func TestRunLeavesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, e *Engine) {
		e.api.Close()
		before := runtime.NumGoroutine()
		ti := (&testImage{}).build(t).load(t, e)
		for range 3 {
			if _, err := e.Run(context.Background(), newRun(t, e, ti)); err != nil {
				t.Error(err)
			}
		}
		eventually(t, "as few goroutines as before", func() bool {
			e.api.Close()
			return runtime.NumGoroutine() <= before
		})
	})
}

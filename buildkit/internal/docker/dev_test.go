package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
)

func TestDevSwap(t *testing.T) {
	t.Parallel()
	eachDev(t, func(t *testing.T, e *Engine, ti *testImage, copied bool) {
		h := newDevHost(t)
		req := newDev(t, e, h, ti, "args", "a", "b c")
		req.Copy = copied
		r := startDev(t, e, req)
		if (r.Copied != nil) != copied {
			t.Fatalf("copied: %v", r.Copied)
		}
		for i := 1; i <= 3; i++ {
			if i > 1 {
				h.install(fmt.Sprint(i))
				r.swap()
				r.wantEvent(report.Stopped, i-1)
			}
			started := r.wantEvent(report.Started, i)
			info, err := os.Stat(filepath.Join(h.dir, "program"))
			if err != nil || !started.Modified.Truncate(time.Microsecond).Equal(info.ModTime().Truncate(time.Microsecond)) {
				t.Errorf("started %v, want %v, %v", started.Modified, info.ModTime(), err)
			}
			r.wantLine(fmt.Sprint("version ", i))
			r.wantLine(`["a" "b c"] as 0 in /`)
		}
	})
}

// The container survives a crash of the program, and the next version runs in it.
func TestDevCrash(t *testing.T) {
	t.Parallel()
	eachDev(t, func(t *testing.T, e *Engine, ti *testImage, copied bool) {
		h := newDevHost(t)
		req := newDev(t, e, h, ti, "crash")
		req.Copy = copied
		r := startDev(t, e, req)
		r.wantEvent(report.Started, 1)
		if ended := r.wantEvent(report.Exited, 1); ended.Code != 3 {
			t.Errorf("%+v", ended)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		if code, err := r.Wait(ctx); code != NoExit || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("code %d, %v", code, err)
		}
		h.install("2")
		r.swap()
		r.wantLine("version 1")
		r.wantLine("version 2")
	})
}

// SIGTERM ends program and container. The program's code and its last output arrive, and a further signal fails.
func TestDevEnd(t *testing.T) {
	t.Parallel()
	eachDev(t, func(t *testing.T, e *Engine, ti *testImage, copied bool) {
		req := newDev(t, e, newDevHost(t), ti, "polite")
		req.Copy = copied
		r := startDev(t, e, req)
		r.wantLine("version 1")
		ctx := context.Background()
		// The program prints that it runs a moment before it listens.
		time.Sleep(100 * time.Millisecond)
		if err := r.Signal(ctx, "SIGTERM"); err != nil {
			t.Fatal(err)
		}
		// podman may remove the container before it reports the code.
		if code, err := r.Wait(ctx); code != 7 && (code != NoExit || e.Host() == openEngine(t).Host()) || err != nil {
			t.Errorf("code %d, %v", code, err)
		}
		r.wantLine("bye")
		err := r.Signal(ctx, report.Restart)
		if dockertest.WantError(t, err, report.Restart, "start a new one"); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%v", err)
		}
		if health, err := r.Health(ctx); health.Status != "" || err != nil {
			t.Errorf("health %+v, %v", health, err)
		}
		if err := errors.Join(r.Remove(ctx), r.Remove(ctx)); err != nil {
			t.Error(err)
		}
		if err := r.Signal(ctx, "SIGTERM"); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%v", err)
		}
	})
}

// Remove works after ctx has ended, and on a program that ignores signals.
func TestDevRemove(t *testing.T) {
	eachEngine(t, func(t *testing.T, e *Engine) {
		e.api.Close()
		before := runtime.NumGoroutine()
		ti := (&testImage{}).build(t).load(t, e)
		ctx, cancel := context.WithCancel(context.Background())
		req := newDev(t, e, newDevHost(t), ti)
		c, err := e.StartDev(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := c.Remove(ctx); err != nil {
			t.Error(err)
		}
		if _, err := e.api.ContainerInspect(context.Background(), c.ID); !errdefs.IsNotFound(err) {
			t.Errorf("the container is there: %v", err)
		}
		eventually(t, "as few goroutines as before", func() bool {
			e.api.Close()
			return runtime.NumGoroutine() <= before
		})
	})
}

func TestDevPorts(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ti := (&testImage{}).build(t).load(t, e)
	h := newDevHost(t)
	req := newDev(t, e, h, ti)
	req.Command, req.Network = []string{"/dev-files/init", "-receive", "/dev-received", "/program", "serve", ":8080"}, ""
	req.Ports = []Publish{{Container: "8080", Host: "127.0.0.1:0"}}
	r := startDev(t, e, req)
	r.wantLine("ready")
	if len(r.Ports) != 1 || r.Ports[0].Container != "8080/tcp" {
		t.Fatalf("ports %+v", r.Ports)
	}
	get(t, r.Ports[0].Address)
	busy := newDev(t, e, h, ti)
	busy.Network, busy.Ports = "", []Publish{{Container: "8080", Host: "127.0.0.1:" + r.Ports[0].HostPort}}
	_, err := e.StartDev(context.Background(), busy)
	dockertest.WantError(t, err, r.Ports[0].HostPort, "stop what uses the port")
	r.swap() // the port stays
	r.wantLine("ready")
	get(t, r.Ports[0].Address)
}

package docker

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// devHost is this machine's side of a development container: a folder with the supervisor and the program.
type devHost struct {
	t    *testing.T
	dir  string
	code []byte
}

func newDevHost(t *testing.T) *devHost {
	t.Helper()
	h := &devHost{t: t, dir: t.TempDir()}
	init, err := os.ReadFile(testkit.Program(t, "../supervisor/program"))
	if err == nil {
		err = os.WriteFile(filepath.Join(h.dir, "init"), init, 0o755)
	}
	if err == nil {
		h.code, err = os.ReadFile(program(t, "devprogram"))
	}
	if err != nil {
		t.Fatal(err)
	}
	h.install("1")
	return h
}

// install replaces the program by another version with a rename, as a build does.
func (h *devHost) install(version string) {
	h.t.Helper()
	temp := filepath.Join(h.dir, "new")
	content := append(slices.Clip(h.code), "\n"+strings.Repeat("-", 64)+"\n"+version...)
	err := os.WriteFile(temp, content, 0o755)
	if err = errors.Join(err, os.Rename(temp, filepath.Join(h.dir, "program"))); err != nil {
		h.t.Fatal(err)
	}
}

// newDev returns a request for a container. The test must remove the container.
func newDev(t *testing.T, e *Engine, h *devHost, ti *testImage, args ...string) DevRequest {
	t.Helper()
	run := newRun(t, e, ti)
	return DevRequest{
		Image: run.Image, Name: run.Name, Labels: run.Labels, Network: run.Network,
		Command: append([]string{"/dev-files/init", "-grace", "1s", "-receive", "/dev-received", "/dev-files/program"}, args...),
		Binds:   []Bind{{Host: h.dir, Container: "/dev-files", ReadOnly: true}},
		Scratch: "/dev-received",
	}
}

// devRun is a development container with its output and events.
type devRun struct {
	*DevContainer
	t      *testing.T
	lines  chan string
	events chan report.Event
}

// startDev starts a container, and removes it at the end of the test.
func startDev(t *testing.T, e *Engine, req DevRequest) *devRun {
	t.Helper()
	r := &devRun{t: t, lines: make(chan string, 999), events: make(chan report.Event, 999)}
	req.Stdout = &lineWriter{to: r.lines}
	req.Stderr = &report.Splitter{Program: io.Discard, Event: func(e report.Event) { r.events <- e }}
	c, err := e.StartDev(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	r.DevContainer = c
	t.Cleanup(func() {
		if err := c.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// lineWriter sends lines to a channel.
type lineWriter struct {
	rest string
	to   chan string
}

func (w *lineWriter) Write(p []byte) (int, error) {
	all := strings.Split(w.rest+string(p), "\n")
	for _, line := range all[:len(all)-1] {
		w.to <- line
	}
	w.rest = all[len(all)-1]
	return len(p), nil
}

// receive waits for a value from a channel.
func receive[T any](t *testing.T, from chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(testkit.Patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func (r *devRun) wantLine(want string) {
	r.t.Helper()
	if got := receive(r.t, r.lines); got != want {
		r.t.Fatalf("%q, want %q", got, want)
	}
}

func (r *devRun) wantEvent(kind report.Kind, run int) report.Event {
	r.t.Helper()
	e := receive(r.t, r.events)
	if e.Kind != kind || e.Run != run {
		r.t.Fatalf("%+v, want %s %d", e, kind, run)
	}
	return e
}

// wantKind waits for an event of a kind, with a text in its reason.
func (r *devRun) wantKind(kind report.Kind, reason string) {
	r.t.Helper()
	for {
		select {
		case e := <-r.events:
			if e.Kind != kind {
				continue
			}
			if !strings.Contains(e.Reason, reason) {
				r.t.Errorf("the reason is %q, want %q in it", e.Reason, reason)
			}
			return
		case <-time.After(testkit.Patience):
			r.t.Fatalf("no event %q", kind)
		}
	}
}

// sync copies changed files.
func (r *devRun) sync(ctx context.Context) error {
	return r.failed("copying files into", r.DevContainer.sync(ctx))
}

// swap makes the container run the program that is in the folder now.
func (r *devRun) swap() {
	r.t.Helper()
	ctx := context.Background()
	if r.Copied == nil {
		if err := r.Feed(ctx, strings.NewReader(report.RestartLine)); err != nil {
			r.t.Fatal(err)
		}
		return
	}
	file, err := os.Open(filepath.Join(r.binds[0].Host, "program"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		r.t.Fatal(err)
	}
	header := report.Program{Size: info.Size(), Modified: info.ModTime()}.Line()
	if err := r.Feed(ctx, io.MultiReader(strings.NewReader(header), file)); err != nil {
		r.t.Fatal(err)
	}
}

// eachDev runs a test with mounted and with copied files, on each engine.
func eachDev(t *testing.T, test func(t *testing.T, e *Engine, ti *testImage, copied bool)) {
	eachEngine(t, func(t *testing.T, e *Engine) {
		ti := (&testImage{}).build(t).load(t, e)
		t.Run("mounted", func(t *testing.T) { test(t, e, ti, false) })
		t.Run("copied", func(t *testing.T) { test(t, e, ti, true) })
	})
}

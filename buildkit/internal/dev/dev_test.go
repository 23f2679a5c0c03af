package dev

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	protocol "github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		moved  bool
		config image.Config
		args   []string
		want   []string
	}{
		{"moved", true, image.Config{Entrypoint: []string{"/app"}, Cmd: []string{"serve"}}, nil, []string{"/.fromscratch/app", "serve"}},
		{"not moved", false, image.Config{Entrypoint: []string{"/app"}, Cmd: []string{"serve"}}, nil, []string{"/app", "serve"}},
		{"other arguments", true, image.Config{Entrypoint: []string{"/app", "-v"}, Cmd: []string{"serve"}}, []string{"migrate"}, []string{"/.fromscratch/app", "-v", "migrate"}},
		{"no arguments", true, image.Config{Entrypoint: []string{"/app"}, Cmd: []string{"serve"}}, []string{}, []string{"/.fromscratch/app"}},
		{"stop signal", true, image.Config{Entrypoint: []string{"/app"}, StopSignal: "SIGQUIT"}, nil, []string{"-stop", "SIGQUIT", "/.fromscratch/app"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &Container{plan: plan.Image{Name: "app", Config: tt.config}, moved: tt.moved, word: "QWERTZ"}
			want := append([]string{"/.fromscratch/supervisor", "-receive", "/.fromscratch-received", "-word", "QWERTZ"}, tt.want...)
			if got := c.command(tt.args); !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// The container executes the file that was placed for it, also if Program has another name than the image.
func TestPlaced(t *testing.T) {
	t.Parallel()
	c := &Container{plan: plan.Image{Name: "app", Root: t.TempDir(), Files: rootfs.Spec{Program: "/usr/bin/server"}}}
	if got, want := c.movedProgram(), folder+"/"+filepath.Base(c.placed()); got != want {
		t.Errorf("the container executes %s, and the program is %s", got, want)
	}
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	c := &Container{plan: plan.Image{Name: "app"}, moved: true}
	got := c.healthcheck(&docker.Healthcheck{Test: []string{"CMD", "/app", "check"}}).Test
	want := []string{"CMD", "/.fromscratch/supervisor", "-run", "/.fromscratch-received", "/.fromscratch/app", "check"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	other := []string{"CMD", "/other"}
	if got := c.healthcheck(&docker.Healthcheck{Test: other}).Test; !slices.Equal(got, other) {
		t.Errorf("%q, want %q", got, other)
	}
}

// A start is awaited past the events of earlier runs, until the program or the container has ended.
func TestNextStart(t *testing.T) {
	t.Parallel()
	s := &starts{events: make(chan protocol.Event, 8)}
	for _, e := range []protocol.Event{
		{Kind: protocol.Started, Run: 1}, {Kind: protocol.Exited, Run: 1}, {Kind: protocol.Started, Run: 2}, {Kind: protocol.Failed, Run: 3, Reason: "no memory"},
	} {
		s.add(e)
	}
	s.run = 1
	ctx, ended := context.Background(), make(chan struct{})
	if e, err := s.next(ctx, nil); err != nil || e.Run != 2 {
		t.Errorf("run %d, error %v, want run 2", e.Run, err)
	}
	if _, err := s.next(ctx, nil); err == nil || err.Error() != "starting the new program: no memory" {
		t.Errorf("error %v of a program that cannot start", err)
	}
	close(ended)
	if _, err := s.next(ctx, ended); !errors.Is(err, docker.ErrNotRunning) {
		t.Errorf("error %v of a container that has ended", err)
	}
	s.add(protocol.Event{Kind: protocol.Exited, Run: 9})
	s.forget()
	if s.run != 9 || len(s.events) > 0 || !s.ended.Load() {
		t.Errorf("run %d, %d events after forget", s.run, len(s.events))
	}
}

// What a server logs of a request is no report of the supervisor, whatever it says.
func TestReportsOfTheProgram(t *testing.T) {
	t.Parallel()
	s := &starts{events: make(chan protocol.Event, 8)}
	var out bytes.Buffer
	s.splitter = protocol.Splitter{Word: "QWERTZ", Program: &out, Event: s.add}
	started := protocol.Event{Kind: protocol.Started, Run: 1, Modified: time.Unix(1, 0)}
	io.WriteString(&s.splitter, started.Line("QWERTZ"))
	ctx := context.Background()
	if e, err := s.next(ctx, nil); err != nil || e.Run != 1 {
		t.Fatalf("run %d, %v", e.Run, err)
	}
	logged := "GET /?q=" + protocol.Event{Kind: protocol.Exited, Run: 2_000_000_000}.Line("") +
		"GET /?q=" + protocol.Event{Kind: protocol.Started, Run: 2, Modified: time.Unix(5, 0)}.Line("ABCDEF")
	io.WriteString(&s.splitter, logged)
	s.forget()
	if s.run != 1 || s.ended.Load() || out.String() != logged {
		t.Errorf("run %d, ended %t, the output is %q", s.run, s.ended.Load(), out.String())
	}
	started.Run = 2
	io.WriteString(&s.splitter, started.Line("QWERTZ"))
	if e, err := s.next(ctx, nil); err != nil || e != started {
		t.Errorf("%+v, %v", e, err)
	}
}

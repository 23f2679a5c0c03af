//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
)

// sleep ends a script. It runs until a signal ends it, and the shell can handle signals meanwhile.
const sleep = "while :; do sleep 60 & wait $!; done"

// After the file is replaced, the signal starts the new program.
func TestRestart(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, start starter) {
		path := script(t, program(t), "echo one $*; "+sleep)
		r := start(t, path, "a", "b c")
		r.want("started 1")
		r.wantText("one a b c\n")
		script(t, path, "echo two $*; "+sleep)
		r.signal(report.RestartNumber)
		r.want("stopped 1 143 15", "started 2")
		r.wantText("two a b c\n")
		r.signal(report.RestartNumber)
		r.want("stopped 2 143 15", "started 3")
		r.signal(syscall.SIGTERM)
		r.want("stopped 3 143 15")
		r.wantExit(143)
	})
}

// The event has the modification time of the started file.
func TestStartedModified(t *testing.T) {
	t.Parallel()
	path := script(t, program(t), sleep)
	r := run(t, nil, path)
	for i := range 3 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if e := <-r.events; e.Kind != report.Started || !e.Modified.Equal(info.ModTime()) {
			t.Errorf("%+v, want %v", e, info.ModTime())
		}
		script(t, path, fmt.Sprint("# ", i, "\n", sleep))
		r.signal(report.RestartNumber)
		r.want(fmt.Sprintf("stopped %d 143 15", i+1))
	}
}

// A program that ends by itself is only started again on request.
func TestExit(t *testing.T) {
	t.Parallel()
	cases := []struct {
		text, event string
		code        int
	}{
		{"exit 0", "0 0", 0},
		{"exit 3", "3 0", 3},
		{"kill -SEGV $$", "139 11", 139},
		{"kill -KILL $$", "137 9", 137},
	}
	eachWay(t, func(t *testing.T, start starter) {
		for _, c := range cases {
			t.Run(c.text, func(t *testing.T) {
				r := start(t, script(t, program(t), c.text))
				r.want("started 1", "exited 1 "+c.event)
				r.silent()
				r.signal(report.RestartNumber)
				r.want("started 2", "exited 2 "+c.event)
				r.signal(syscall.SIGTERM)
				r.wantExit(c.code)
			})
		}
	})
}

// When the supervisor gets an end signal, it lets the program finish and returns its exit code.
func TestEnd(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, start starter) {
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1} {
			t.Run(s.String(), func(t *testing.T) {
				text := "trap 'sleep 0.1; echo bye; exit 7' TERM INT USR1; echo ready; " + sleep
				r := start(t, "-stop", "SIGUSR1", script(t, program(t), text))
				r.wantText("ready")
				r.signal(s)
				r.want("started 1", "stopped 1 7 0")
				r.wantExit(7)
				r.wantText("bye")
			})
		}
	})
}

// A program that does not end in time is killed, both at a restart and at the end.
func TestGrace(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, start starter) {
		path := script(t, program(t), "trap '' TERM; echo ready; "+sleep)
		r := start(t, "-grace", "100ms", path)
		r.want("started 1")
		r.wantText("ready")
		began := time.Now()
		r.signal(report.RestartNumber)
		r.want("stopped 1 137 9", "started 2")
		if took := time.Since(began); took < 100*time.Millisecond {
			t.Errorf("it was killed after %v, before the 100 ms of its grace period", took)
		}
	})
}

// An end signal during a restart does not shorten the grace period.
func TestGraceAtEnd(t *testing.T) {
	t.Parallel()
	r := run(t, nil, "-grace", "1s", script(t, program(t), "trap '' TERM; echo ready; "+sleep))
	r.want("started 1")
	r.wantText("ready")
	r.signal(report.RestartNumber)
	time.Sleep(100 * time.Millisecond) // if both are sent at once, their order is undefined
	r.signal(syscall.SIGTERM)
	r.want("stopped 1 137 9")
	r.wantExit(137)
}

// The image's stop signal also ends the program at a restart.
func TestStopSignal(t *testing.T) {
	t.Parallel()
	path := script(t, program(t), "trap 'echo quit; exit 5' QUIT; trap '' TERM; echo ready; "+sleep)
	r := run(t, nil, "-stop", "QUIT", path)
	r.want("started 1")
	r.wantText("ready")
	r.signal(report.RestartNumber)
	r.want("stopped 1 5 0", "started 2")
	eventually(t, "ready again", func() bool { return strings.Count(r.stdout.String(), "ready") == 2 })
	r.signal(syscall.SIGQUIT)
	r.wantExit(5)
}

// All signals without a meaning for the supervisor are passed on to the program.
func TestForward(t *testing.T) {
	t.Parallel()
	names := map[string]syscall.Signal{
		"HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
		"WINCH": syscall.SIGWINCH, "ALRM": syscall.SIGALRM, "CONT": syscall.SIGCONT, "40": syscall.Signal(40),
	}
	eachWay(t, func(t *testing.T, start starter) {
		text := ""
		for name := range names {
			text += fmt.Sprintf("trap 'echo got %s.' %s; ", name, name)
		}
		r := start(t, script(t, program(t), text+"echo ready; "+sleep))
		r.wantText("ready")
		for name, s := range names {
			r.signal(s)
			r.wantText("got " + name + ".")
		}
		r.want("started 1")
		r.silent()
	})
}

// Requests during a restart are merged into it. The last one is never lost.
func TestManyRestarts(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, start starter) {
		path := script(t, program(t), "echo old; "+sleep)
		r := start(t, path)
		r.want("started 1")
		for i := range 50 {
			if i == 49 {
				script(t, path, "echo new; "+sleep)
			}
			r.signal(report.RestartNumber)
		}
		r.wantText("new")
		r.signal(syscall.SIGTERM)
		r.wantExit(143)
	})
}

func TestUsage(t *testing.T) {
	t.Parallel()
	cases := []struct {
		args []string
		text string
	}{
		{nil, "no program to run"},
		{[]string{"-grace"}, "no program to run"},
		{[]string{"-grace", "1s"}, "no program to run"},
		{[]string{"-grace", "long", "/x"}, `"long"`},
		{[]string{"-stop", "SIGNONE", "/x"}, `unknown signal "SIGNONE"`},
		{[]string{"-x", "1", "/x"}, `unknown option "-x"`},
	}
	for _, c := range cases {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			r := run(t, nil, c.args...)
			r.wantExit(usageCode)
			if text := r.stderr.String(); !strings.Contains(text, c.text) || !strings.Contains(text, "\nfix: supervisor ") {
				t.Errorf("%q", text)
			}
		})
	}
}

func TestParseSignal(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]syscall.Signal{
		"TERM": 15, "SIGQUIT": 3, "sigint": 2, "9": 9, "SIGRTMIN+3": 37, "64": 64,
		"": 0, "0": 0, "65": 0, "RTMIN+31": 0, "RTMIN+-1": 0, "X": 0,
	} {
		if got, err := parseSignal(word); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v", word, got, err)
		}
	}
}

//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// A program that cannot be executed is reported, and the next restart tries again.
func TestStartFails(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		spoil  func(path string) error
		reason string
		code   int
	}{
		{"missing", os.Remove, "no such file or directory", codeNotFound},
		{"not executable", func(path string) error { return os.Chmod(path, 0o644) }, "permission denied", codeNotExecutable},
		{"no program", func(path string) error { return os.WriteFile(path, []byte("\x7fELF"), 0o755) }, "exec format error", codeNotExecutable},
	}
	eachWay(t, func(t *testing.T, start starter) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				path := script(t, program(t), sleep)
				if err := c.spoil(path); err != nil {
					t.Fatal(err)
				}
				failed := `executing "` + path + `": ` + c.reason
				r := start(t, path)
				r.want("failed 1 " + failed)
				r.signal(report.RestartNumber)
				r.want("failed 2 " + failed)
				script(t, path, "echo ready; "+sleep)
				r.signal(report.RestartNumber)
				r.want("started 3")
				r.wantText("ready") // the shell has opened the script
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				r.signal(report.RestartNumber)
				r.want("stopped 3 143 15", "failed 4 executing \""+path+`": no such file or directory`)
				r.signal(syscall.SIGTERM)
				r.wantExit(codeNotFound)
			})
		}
		t.Run("never started", func(t *testing.T) {
			r := start(t, filepath.Join(t.TempDir(), "none"))
			r.silentButFailed()
			r.signal(syscall.SIGINT)
			r.wantExit(codeNotFound)
		})
	})
}

// silentButFailed waits for the only failure.
func (r *running) silentButFailed() {
	r.t.Helper()
	if e := <-r.events; e.Kind != report.Failed || e.Run != 1 {
		r.t.Fatalf("%+v", e)
	}
	r.silent()
}

// start waits for a file that is still being written, but not for ever.
func TestStartBusy(t *testing.T) {
	t.Parallel()
	path := script(t, program(t), sleep)
	busy, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, nil, path)
	time.Sleep(50 * time.Millisecond)
	busy.Close()
	r.want("started 1")

	if busy, err = os.OpenFile(path, os.O_WRONLY, 0); err != nil {
		t.Skip("this kernel lets running programs be written to")
	}
	defer busy.Close()
	r.signal(report.RestartNumber)
	r.want("stopped 1 143 15", `failed 2 executing "`+path+`": text file busy`)
}

// The program gets the environment, working directory and IDs of the container.
func TestStartInherits(t *testing.T) {
	eachWay(t, func(t *testing.T, start starter) {
		t.Setenv("FROMSCRATCH_TEST", "value of it")
		r := start(t, script(t, program(t), "echo $FROMSCRATCH_TEST; pwd; id -u; ulimit -n; exit 0"))
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		r.want("started 1", "exited 1 0 0")
		r.wantText("value of it\n" + dir + "\n")
	})
}

// The word of the reports is neither in the program's environment nor in its arguments nor in those of the supervisor.
func TestWord(t *testing.T) {
	t.Parallel()
	const word = "QWERTZUIOP"
	path := script(t, program(t), `cat /proc/$PPID/cmdline | tr '\0' ' '; echo; env; echo "$@"; `+sleep)
	r := &running{Cmd: exec.Command(testkit.Program(t, "."), "-word", word, "-stop", "TERM", path, "argument"), t: t, events: make(chan report.Event, 99)}
	r.Stdout, r.WaitDelay = &r.stdout, time.Second
	r.Stderr = &report.Splitter{Word: word, Program: &r.stderr, Event: func(e report.Event) { r.events <- e }}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Process.Kill() })
	r.want("started 1")
	r.wantText("\nargument\n")
	if text := r.stdout.String(); strings.Contains(text, word) || !strings.Contains(text, "-stop TERM "+path) {
		t.Errorf("the program sees %q", text)
	}
	r.signal(syscall.SIGTERM)
	r.want("stopped 1 143 15")
	r.wantExit(143)
}

// All orphans are reaped, whoever started them.
func TestOrphans(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, start starter) {
		r := start(t, script(t, program(t), "for i in 1 2 3 4 5; do (setsid sleep 0.1 &); (sleep 0.1 &); done; echo ready; "+sleep))
		r.wantText("ready")
		eventually(t, "the program alone", func() bool { return len(children(t, r.Process.Pid)) == 1 })
		r.want("started 1")
		r.silent()
	})
}

// Processes that the program started are killed when it ends, at a restart and by itself.
func TestLeftBehind(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, start starter) {
		mark := "100" + time.Now().Format("150405.000000")
		path := script(t, program(t), "sleep "+mark+" & (trap '' TERM; sleep "+mark+") & echo ready; "+sleep)
		r := start(t, path)
		r.want("started 1")
		r.wantText("ready")
		eventually(t, "helpers", func() bool { return processes(t, mark) == 2 })
		script(t, path, "sleep "+mark+" & echo again")
		r.signal(report.RestartNumber)
		r.want("stopped 1 143 15", "started 2", "exited 2 0 0")
		eventually(t, "no helpers", func() bool { return processes(t, mark) == 0 && len(children(t, r.Process.Pid)) == 0 })
	})
}

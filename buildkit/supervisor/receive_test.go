//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/supervisor/report"
)

// feeding is a supervisor that receives programs.
func feeding(t *testing.T, first string) (r *running, input io.WriteCloser, dir string) {
	t.Helper()
	dir = t.TempDir()
	r = &running{Cmd: exec.Command(supervisorFile, "-receive", dir, script(t, program(t), first)), t: t, events: make(chan report.Event, 99)}
	r.WaitDelay, r.Stdout = time.Second, &r.stdout
	r.Stderr = &report.Splitter{Program: &r.stderr, Event: func(e report.Event) { r.events <- e }}
	input, err := r.StdinPipe()
	if err == nil {
		err = r.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.ProcessState == nil {
			r.Process.Signal(syscall.SIGTERM)
			r.Wait()
		}
	})
	return r, input, dir
}

// programText is a script as it is sent.
func programText(text string, modified time.Time) string {
	text = "#!/bin/sh\n" + text + "\n"
	return report.Program{Size: int64(len(text)), Modified: modified}.Line() + text
}

func send(t *testing.T, input io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(input, text); err != nil {
		t.Fatal(err)
	}
}

// Programs that come on standard input run one after the other, with the times that they were given.
func TestReceive(t *testing.T) {
	r, input, _ := feeding(t, "cat; echo one; "+sleep) // with nothing to read
	r.want("started 1")
	r.wantText("one\n")
	modified := time.Unix(1234567890, 123456789)
	send(t, input, programText("echo two; "+sleep, modified))
	r.want("stopped 1 143 15")
	if e := <-r.events; e.Kind != report.Started || e.Run != 2 || !e.Modified.Equal(modified) {
		t.Errorf("%+v, want the start of run 2 with the time %v", e, modified)
	}
	r.wantText("two\n")
	r.signal(report.RestartNumber) // runs the last one again
	r.want("stopped 2 143 15", "started 3")
	send(t, input, programText("echo three; exit 5", modified))
	r.want("stopped 3 143 15", "started 4", "exited 4 5 0")
	input.Close()
	r.silent()
	r.signal(syscall.SIGTERM)
	r.wantExit(5)
}

// What cannot be received is told, and what runs goes on; what comes after it is understood still, unless it is garbage.
func TestReceiveFails(t *testing.T) {
	r, input, dir := feeding(t, "echo one; "+sleep)
	r.want("started 1")
	if err := os.Mkdir(filepath.Join(dir, ".new"), 0o755); err != nil {
		t.Fatal(err)
	}
	send(t, input, programText("echo lost", time.Now()))
	if e := <-r.events; e.Kind != report.Failed || !strings.Contains(e.Reason, "receiving the program: ") {
		t.Fatalf("%+v, want a failure", e)
	}
	if err := os.Remove(filepath.Join(dir, ".new")); err != nil {
		t.Fatal(err)
	}
	send(t, input, programText("echo two; "+sleep, time.Now()))
	r.want("stopped 1 143 15", "started 2")
	send(t, input, "garbage\n")
	if e := <-r.events; e.Kind != report.Failed || !strings.Contains(e.Reason, `"garbage\n" is no line before a program`) {
		t.Fatalf("%+v, want a failure", e)
	}
	r.silent()
}

// Half a program is not run.
func TestReceiveHalf(t *testing.T) {
	r, input, _ := feeding(t, "echo one; "+sleep)
	r.want("started 1")
	whole := programText("echo two; "+sleep, time.Now())
	send(t, input, whole[:len(whole)-3])
	r.silent()
	input.Close()
	if e := <-r.events; e.Kind != report.Failed || !strings.Contains(e.Reason, "unexpected EOF") {
		t.Fatalf("%+v, want a failure", e)
	}
	r.silent()
}

// A program is taken while others still come, and none is lost.
func TestReceiveMany(t *testing.T) {
	r, input, _ := feeding(t, "echo one; "+sleep)
	r.want("started 1")
	for i := range 20 {
		send(t, input, programText(fmt.Sprintf("echo %d; %s", i, sleep), time.Now()))
	}
	r.wantText("19\n")
}

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

	"github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// feeding starts a supervisor that receives programs.
func feeding(t *testing.T, first string) (r *running, input io.WriteCloser, dir string) {
	t.Helper()
	dir = t.TempDir()
	r = &running{Cmd: exec.Command(testkit.Program(t, "."), "-receive", dir, script(t, program(t), first)), t: t, events: make(chan report.Event, 99)}
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

// programText returns a script with its header, as it is sent.
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

// Programs from standard input run one after the other, with the modification times that were sent.
func TestReceive(t *testing.T) {
	t.Parallel()
	r, input, _ := feeding(t, "cat; echo one; "+sleep) // its standard input is empty
	r.want("started 1")
	r.wantText("one\n")
	modified := time.Unix(1234567890, 123456789)
	send(t, input, programText("echo two; "+sleep, modified))
	r.want("stopped 1 143 15")
	if e := <-r.events; e.Kind != report.Started || e.Run != 2 || !e.Modified.Equal(modified) {
		t.Errorf("%+v, want the start of run 2 with the time %v", e, modified)
	}
	r.wantText("two\n")
	send(t, input, report.RestartLine) // restarts the last one
	r.want("stopped 2 143 15", "started 3")
	eventually(t, "two again", func() bool { return strings.Count(r.stdout.String(), "two\n") == 2 }) // the shell has opened the script
	send(t, input, programText("echo three; exit 5", modified))
	r.want("stopped 3 143 15", "started 4", "exited 4 5 0")
	r.silent()
	input.Close() // no further programs
	r.wantExit(5)
}

// When standard input ends, the supervisor ends and so does the program, killed if necessary.
func TestReceiveEnds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, event string }{
		{sleep, "stopped 1 143 15"},
		{"trap '' TERM; echo deaf; " + sleep, "stopped 1 137 9"},
	} {
		r, input, _ := feeding(t, row.text)
		r.want("started 1")
		if strings.Contains(row.text, "deaf") {
			r.wantText("deaf")
		}
		input.Close()
		r.want(row.event)
		r.wantExit(map[bool]int{false: 143, true: 137}[strings.Contains(row.text, "deaf")])
	}
}

// -run executes the program received last with other arguments, or the given one if none was received.
func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := script(t, program(t), "echo first $*; exit 3")
	for _, want := range []struct{ says string }{{"first a b\n"}, {"second a b\n"}} {
		cmd := exec.Command(testkit.Program(t, "."), "-run", dir, path, "a", "b")
		out, err := cmd.Output()
		if string(out) != want.says || cmd.ProcessState.ExitCode() != 3 {
			t.Errorf("it prints %q and ends with %v, want %q", out, err, want.says)
		}
		script(t, filepath.Join(dir, filepath.Base(path)), "echo second $*; exit 3")
	}
	cmd := exec.Command(testkit.Program(t, "."), "-run", dir, "/nowhere", "a")
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 126 || !strings.Contains(string(out), "/nowhere") {
		t.Errorf("%q, %v", out, err)
	}
}

// A program that cannot be received is reported, and the running one continues. The next program is still accepted. After
// garbage none is, and the supervisor ends.
func TestReceiveFails(t *testing.T) {
	t.Parallel()
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
	if e := <-r.events; e.Kind != report.Failed || !strings.Contains(e.Reason, `"garbage\n" is not a header of a program`) {
		t.Fatalf("%+v, want a failure", e)
	}
	r.want("stopped 2 143 15")
	r.wantExit(143)
}

// An incomplete program is not run.
func TestReceiveHalf(t *testing.T) {
	t.Parallel()
	r, input, _ := feeding(t, "echo one; "+sleep)
	r.want("started 1")
	whole := programText("echo two; "+sleep, time.Now())
	send(t, input, whole[:len(whole)-3])
	r.silent()
	input.Close()
	if e := <-r.events; e.Kind != report.Failed || !strings.Contains(e.Reason, "unexpected EOF") {
		t.Fatalf("%+v, want a failure", e)
	}
	r.want("stopped 1 143 15")
	r.wantExit(143)
}

// Programs are received while others are still arriving, and none is lost.
func TestReceiveMany(t *testing.T) {
	t.Parallel()
	r, input, _ := feeding(t, "echo one; "+sleep)
	r.want("started 1")
	for i := range 20 {
		send(t, input, programText(fmt.Sprintf("echo %d; %s", i, sleep), time.Now()))
	}
	r.wantText("19\n")
}

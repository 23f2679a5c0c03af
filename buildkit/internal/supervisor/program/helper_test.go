//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// starter starts a supervisor.
type starter func(t *testing.T, args ...string) *running

// eachWay runs a test with the supervisor as an ordinary process and as PID 1.
func eachWay(t *testing.T, test func(t *testing.T, start starter)) {
	t.Run("process", func(t *testing.T) {
		test(t, func(t *testing.T, args ...string) *running { return run(t, nil, args...) })
	})
	t.Run("PID 1", func(t *testing.T) {
		alone := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		if os.Getuid() != 0 {
			alone.Cloneflags |= syscall.CLONE_NEWUSER
			alone.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		}
		probe := exec.Command(testkit.Program(t, "."))
		probe.SysProcAttr = alone
		if err := probe.Run(); probe.ProcessState == nil {
			testkit.Skip(t, "making a PID namespace: "+err.Error())
		}
		test(t, func(t *testing.T, args ...string) *running { return run(t, alone, args...) })
	})
}

// running is a supervisor that a test has started.
type running struct {
	*exec.Cmd
	t      *testing.T
	events chan report.Event
	stdout output
	stderr output
}

// output is what a program has written so far.
type output struct {
	mu   sync.Mutex
	text []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

func run(t *testing.T, attr *syscall.SysProcAttr, args ...string) *running {
	t.Helper()
	r := &running{Cmd: exec.Command(testkit.Program(t, "."), args...), t: t, events: make(chan report.Event, 99)}
	r.SysProcAttr, r.WaitDelay = attr, time.Second
	r.Stdout = &r.stdout
	r.Stderr = &report.Splitter{Program: &r.stderr, Event: func(e report.Event) { r.events <- e }}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.ProcessState == nil {
			r.Process.Signal(syscall.SIGTERM)
			force := time.AfterFunc(time.Second, func() {
				for _, pid := range children(t, r.Process.Pid) {
					syscall.Kill(pid, syscall.SIGKILL)
				}
			})
			r.Wait()
			force.Stop()
		}
	})
	return r
}

// signal sends the supervisor a signal.
func (r *running) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// want waits for the next events, without their times: "started 1", "exited 1 2 0".
func (r *running) want(events ...string) {
	r.t.Helper()
	for _, want := range events {
		select {
		case e := <-r.events:
			_, got, _ := strings.Cut(strings.TrimSpace(e.Line("")), ": ")
			if e.Kind == report.Started {
				got = fmt.Sprintf("started %d", e.Run)
			}
			if got != want {
				r.t.Fatalf("%q, want %q", got, want)
			}
		case <-time.After(testkit.Patience):
			r.t.Fatalf("nothing, want %q; stderr %q", want, r.stderr.String())
		}
	}
}

// silent checks that nothing happens for a while.
func (r *running) silent() {
	r.t.Helper()
	select {
	case e := <-r.events:
		r.t.Fatalf("%+v, want nothing", e)
	case <-time.After(100 * time.Millisecond):
	}
}

// wantText waits until the program has written something.
func (r *running) wantText(text string) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%q on standard output", text), func() bool { return strings.Contains(r.stdout.String(), text) })
}

// wantExit waits until the supervisor ends.
func (r *running) wantExit(code int) {
	r.t.Helper()
	force := time.AfterFunc(testkit.Patience, func() { r.Process.Kill() })
	defer force.Stop()
	r.Wait()
	if got := r.ProcessState.ExitCode(); got != code {
		r.t.Errorf("exit code %d, want %d; stderr %q", got, code, r.stderr.String())
	}
}

// eventually waits for a condition that another process brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	testkit.WaitFor(t, what, condition)
}

// script writes a program, replacing one of the same name, and returns its path.
func script(t *testing.T, path, text string) string {
	t.Helper()
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// program returns the path for a test's program.
func program(t *testing.T) string { return filepath.Join(t.TempDir(), "program") }

// processes counts the processes that have an argument.
func processes(t *testing.T, arg string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil && bytes.Contains(content, []byte("\x00"+arg+"\x00")) {
			n++
		}
	}
	return n
}

// children returns the child processes of a process, including zombies.
func children(t *testing.T, pid int) []int {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, field := range strings.Fields(string(content)) {
			child, _ := strconv.Atoi(field) // the kernel writes only numbers
			pids = append(pids, child)
		}
	}
	return pids
}

//go:build linux

package main

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/supervisor/report"
)

const (
	// busyTries and busyPause bound the wait for a file that somebody still writes to (ETXTBSY in execve(2)): half a
	// second. Whoever replaces the file by a rename never makes us wait.
	busyTries = 100
	busyPause = 5 * time.Millisecond

	// The exit codes of a shell for a program that it cannot run (POSIX, "Exit Status for Commands").
	codeNotExecutable = 126
	codeNotFound      = 127
)

// start starts the program, and tells when that fails.
func (s *supervisor) start() {
	s.run++
	// Who replaces the file in this moment asks for another restart, and is told a later time then.
	modified := modTime(s.path)
	pid, err := s.exec()
	if err == nil {
		s.child = pid
		s.tell(report.Event{Kind: report.Started, Run: s.run, Modified: modified})
		return
	}
	s.code = codeNotExecutable
	if errors.Is(err, syscall.ENOENT) {
		s.code = codeNotFound
	}
	s.tell(report.Event{Kind: report.Failed, Run: s.run, Reason: "executing " + strconv.Quote(s.path) + ": " + err.Error()})
}

// exec gives the new process. Not os.StartProcess: its Process would want to be waited for, and reap waits for all.
func (s *supervisor) exec() (pid int, err error) {
	attr := &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{s.input.Fd(), 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	}
	for range busyTries {
		pid, err = syscall.ForkExec(s.path, s.program, attr)
		if err != syscall.ETXTBSY {
			return pid, err
		}
		time.Sleep(busyPause)
	}
	return pid, err
}

// modTime is zero for a file that is not there: executing it tells why.
func modTime(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

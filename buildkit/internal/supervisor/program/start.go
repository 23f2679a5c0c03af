//go:build linux

package main

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
)

const (
	// busyTries times busyPause is half a second. That is how long start waits for a file that another process still
	// writes to (ETXTBSY in execve(2)). A file that is replaced by a rename is never busy.
	busyTries = 100
	busyPause = 5 * time.Millisecond

	// The exit codes of a shell for a program that it cannot run (POSIX, "Exit Status for Commands").
	codeNotExecutable = 126
	codeNotFound      = 127
)

// start starts the program, and reports a failure.
func (s *supervisor) start() {
	s.run++
	// If the file is replaced at this moment, the replacing side requests another restart and gets a later time.
	modified := modTime(s.path)
	pid, err := s.exec()
	if err == nil {
		s.child = pid
		s.emit(report.Event{Kind: report.Started, Run: s.run, Modified: modified})
		return
	}
	s.code = codeNotExecutable
	if errors.Is(err, syscall.ENOENT) {
		s.code = codeNotFound
	}
	s.emit(report.Event{Kind: report.Failed, Run: s.run, Reason: "executing " + strconv.Quote(s.path) + ": " + err.Error()})
}

// exec starts the process. It does not use os.StartProcess, whose Process must be waited for: reap waits for all.
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

// modTime returns zero for a missing file. Executing the file then returns the reason.
func modTime(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

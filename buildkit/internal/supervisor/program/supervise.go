//go:build linux

package main

import (
	"cmp"
	"os"
	"syscall"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
)

// clearTimeout is how long to wait for a killed process group. A process that survives SIGKILL waits for a disk or network.
const clearTimeout = time.Second

// exitAction is what to do when the program ends.
type exitAction int

const (
	stay  exitAction = iota // wait for a request
	again                   // start the program again
	end                     // end the supervisor
)

// supervisor runs one program. All methods run on one goroutine, because processes must not be started and reaped at the
// same time.
type supervisor struct {
	program []string // path and arguments
	path    string   // file to execute: the one received last, or else the program's
	receive string   // folder for programs from standard input; "" receives none
	input   *os.File // standard input of the program
	grace   time.Duration
	stop    syscall.Signal
	word    string // of the reports
	emit    func(report.Event)

	run      int              // number of starts
	child    int              // process ID; 0 if none runs
	group    int              // process group that it left behind; 0 if that is gone
	onExit   exitAction       // what to do when it ends
	code     int              // exit code of the last run
	deadline <-chan time.Time // when to kill child, or give up on group
}

// supervise runs the program until the supervisor must end, and returns the exit code.
func (s *supervisor) supervise(signals, children <-chan os.Signal, programs <-chan received) int {
	s.start()
	for s.onExit != end || s.child != 0 || s.group != 0 {
		select {
		case sig := <-signals:
			s.handle(sig.(syscall.Signal))
		case <-children:
			s.reap()
		case p := <-programs:
			s.replace(p)
		case <-s.deadline:
			s.giveUp()
		}
	}
	return s.code
}

// handle acts on a signal.
func (s *supervisor) handle(sig syscall.Signal) {
	switch sig {
	case report.RestartNumber:
		s.restart()
	case syscall.SIGTERM, syscall.SIGINT, s.stop:
		s.onExit = end
		s.send(sig)
	default:
		s.send(sig)
	}
}

// replace replaces the program with a received one. When the input ends, the supervisor ends: the process that created the
// container is gone and would not remove it.
func (s *supervisor) replace(p received) {
	switch {
	case p.err != nil:
		s.emit(report.Event{Kind: report.Failed, Run: s.run, Reason: "receiving the program: " + p.err.Error()})
	case !p.last:
		s.path = cmp.Or(p.path, s.path)
		s.restart()
	}
	if p.last && s.onExit != end {
		s.onExit = end
		s.send(s.stop)
		if s.child != 0 {
			s.deadline = time.After(s.grace)
		}
	}
}

// restart stops the program, unless it is being stopped already, and has it started again.
func (s *supervisor) restart() {
	if s.onExit != stay {
		return
	}
	s.onExit = again
	if s.child == 0 {
		s.finish()
		return
	}
	s.send(s.stop)
	s.deadline = time.After(s.grace)
}

// send passes a signal on to the program alone, as a container does to PID 1, and not to the processes it started.
func (s *supervisor) send(sig syscall.Signal) {
	if s.child != 0 {
		_ = syscall.Kill(s.child, sig) // it is not reaped, so it exists; the kernel refuses if it changed its user
	}
}

// giveUp kills the program, or gives up waiting for its process group.
func (s *supervisor) giveUp() {
	s.deadline = nil
	if s.child != 0 {
		s.send(syscall.SIGKILL)
		return
	}
	s.group = 0
	s.finish()
}

// reap reaps every process that has ended. One signal may stand for several.
func (s *supervisor) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if pid <= 0 {
			break
		}
		if pid == s.child {
			s.ended(status)
		}
	}
	s.finish()
}

// ended records and reports how the program ended.
func (s *supervisor) ended(status syscall.WaitStatus) {
	e := report.Event{Kind: report.Exited, Run: s.run, Code: status.ExitStatus()}
	if s.onExit != stay {
		e.Kind = report.Stopped
	}
	if status.Signaled() {
		e.Signal = int(status.Signal())
		e.Code = 128 + e.Signal
	}
	s.child, s.group, s.code = 0, s.child, e.Code
	s.deadline = time.After(clearTimeout)
	s.emit(e)
}

// finish kills the processes that the program left behind. When none is left, it does what onExit says. A port or a lock
// that is still held would make the next program fail.
func (s *supervisor) finish() {
	if s.child != 0 {
		return
	}
	if s.group != 0 && syscall.Kill(-s.group, syscall.SIGKILL) == nil {
		return // a SIGCHLD reports the end of the last one
	}
	s.group, s.deadline = 0, nil
	if s.onExit == again {
		s.onExit = stay
		s.start()
	}
}

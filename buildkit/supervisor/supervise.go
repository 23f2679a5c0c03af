//go:build linux

package main

import (
	"cmp"
	"os"
	"syscall"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/supervisor/report"
)

// clearTimeout bounds the wait for a killed process group. Who does not die of SIGKILL waits for a disk or a network.
const clearTimeout = time.Second

// wish is what becomes of the program's end.
type wish int

const (
	stay  wish = iota // the supervisor waits to be asked
	again             // the program is started again
	end               // the supervisor ends too
)

// supervisor runs one program. Its methods belong to one goroutine: who starts processes and who reaps them must not
// do it at the same time.
type supervisor struct {
	program []string // path and arguments
	path    string   // of the file that is executed: the program's, or the one that came last
	receive string   // folder for programs that come on standard input; "" takes none
	input   *os.File // standard input of the program
	grace   time.Duration
	stop    syscall.Signal
	tell    func(report.Event)

	run      int              // how often it was started
	child    int              // its process; 0 while none runs
	group    int              // the process group that it left behind; 0 when that has gone
	wish     wish             // what comes after its end
	code     int              // how the last one ended
	deadline <-chan time.Time // when patience with child or group is over
}

// supervise runs the program until the supervisor is to end, and gives its exit code.
func (s *supervisor) supervise(signals, children <-chan os.Signal, programs <-chan received) int {
	s.start()
	for s.wish != end || s.child != 0 || s.group != 0 {
		select {
		case sig := <-signals:
			s.handle(sig.(syscall.Signal))
		case <-children:
			s.reap()
		case p := <-programs:
			s.take(p)
		case <-s.deadline:
			s.insist()
		}
	}
	return s.code
}

// handle does what a signal asks for.
func (s *supervisor) handle(sig syscall.Signal) {
	switch sig {
	case report.RestartNumber:
		s.restart()
	case syscall.SIGTERM, syscall.SIGINT, s.stop:
		s.wish = end
		s.send(sig)
	default:
		s.send(sig)
	}
}

// take runs a program that has come in the place of the one before. When nobody is there any more who could send one, the
// supervisor ends: whoever has made the container is gone, and would not remove it.
func (s *supervisor) take(p received) {
	switch {
	case p.err != nil:
		s.tell(report.Event{Kind: report.Failed, Run: s.run, Reason: "receiving the program: " + p.err.Error()})
	case !p.last:
		s.path = cmp.Or(p.path, s.path)
		s.restart()
	}
	if p.last && s.wish != end {
		s.wish = end
		s.send(s.stop)
		if s.child != 0 {
			s.deadline = time.After(s.grace)
		}
	}
}

// restart asks the program to end, unless that has been done, and lets it be started then.
func (s *supervisor) restart() {
	if s.wish != stay {
		return
	}
	s.wish = again
	if s.child == 0 {
		s.settle()
		return
	}
	s.send(s.stop)
	s.deadline = time.After(s.grace)
}

// send passes a signal on. Only the program gets it, as PID 1 of a container would; what it has started is its business.
func (s *supervisor) send(sig syscall.Signal) {
	if s.child != 0 {
		_ = syscall.Kill(s.child, sig) // not reaped yet, so it exists; it may have become another user, who is not ours
	}
}

// insist ends patience.
func (s *supervisor) insist() {
	s.deadline = nil
	if s.child != 0 {
		s.send(syscall.SIGKILL)
		return
	}
	s.group = 0
	s.settle()
}

// reap takes every process that has ended. One signal may stand for several ends.
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
	s.settle()
}

// ended notes how the program has ended.
func (s *supervisor) ended(status syscall.WaitStatus) {
	e := report.Event{Kind: report.Exited, Run: s.run, Code: status.ExitStatus()}
	if s.wish != stay {
		e.Kind = report.Stopped
	}
	if status.Signaled() {
		e.Signal = int(status.Signal())
		e.Code = 128 + e.Signal
	}
	s.child, s.group, s.code = 0, s.child, e.Code
	s.deadline = time.After(clearTimeout)
	s.tell(e)
}

// settle kills what the program has left behind and, when nothing of it is left, does what was wished. A port or a
// lock that is still held would make the next program fail.
func (s *supervisor) settle() {
	if s.child != 0 {
		return
	}
	if s.group != 0 && syscall.Kill(-s.group, syscall.SIGKILL) == nil {
		return // the end of the last one is told by a signal
	}
	s.group, s.deadline = 0, nil
	if s.wish == again {
		s.wish = stay
		s.start()
	}
}

package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
)

// supervisor watches one running container. Its methods belong to one goroutine, which never waits for the engine:
// an engine may answer a signal only when the program has ended, and that only when its output has been read.
type supervisor struct {
	engine *Engine
	ctx    context.Context         // of the requests; outlives the caller's
	end    context.CancelCauseFunc // ends ctx
	id     string
	out    *output
	grace  time.Duration

	signals  int              // terminating signals delivered
	step     step             // how far the program's end has been pursued
	deadline <-chan time.Time // when the next step is due

	sends sync.WaitGroup // signals on their way
	mu    sync.Mutex
	err   error // of signals that could not be delivered
}

// step is how insistently a program is being ended.
type step int

const (
	running step = iota // nobody wants it to end
	asked               // it got a signal and has its grace
	killed              // it got SIGKILL
	hungUp              // its output is no longer read either
	givenUp             // the engine does not do it; removing the container by force is left
)

// errStuck is why a program's end is no longer waited for.
var errStuck = errors.New("the engine does not end it, not even by SIGKILL")

// exitStatus is how a program ended.
type exitStatus struct {
	code int
	err  error
}

// supervise waits for the program's end, and for that of its output, and asks it to end when somebody wants that:
// a signal, ctx, or an output that fails.
func (e *Engine) supervise(ctx context.Context, id, stopSignal string, out *output, req RunRequest) (int, error) {
	s := &supervisor{engine: e, id: id, out: out, grace: req.Grace}
	if s.grace == 0 {
		s.grace = DefaultGrace
	}
	s.ctx, s.end = context.WithCancelCause(context.WithoutCancel(ctx))
	defer s.sends.Wait()
	defer s.end(nil)
	exit := make(chan exitStatus, 1)
	go func() { exit <- s.wait() }()
	signals, cancelled, outputEnded := req.Signals, ctx.Done(), out.done
	for {
		select {
		case status := <-exit:
			return status.code, s.conclude(ctx, status, cancelled == nil)
		case signal, open := <-signals:
			if !open {
				signals = nil // or the loop would spin
			}
			s.deliver(signal)
		case <-cancelled:
			cancelled = nil // a nil channel is never ready
			s.ask(stopSignal)
		case <-outputEnded:
			outputEnded = nil
			if out.err != nil { // nobody reads on
				out.hangUp()
				s.ask(stopSignal)
			}
		case <-s.deadline:
			s.insist()
		}
	}
}

// conclude waits for the output and joins what went wrong, the reason first.
func (s *supervisor) conclude(ctx context.Context, status exitStatus, cancelled bool) error {
	var cause error
	if cancelled {
		cause = context.Cause(ctx)
	}
	if status.err == nil { // signals that a program did not need are no error
		return errors.Join(cause, s.out.drain(ctx))
	}
	// The program may run on, and its output never end.
	ended, cancel := context.WithCancel(ctx)
	cancel()
	outputErr := s.out.drain(ended)
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(cause, status.err, s.err, outputErr)
}

// wait returns when the container is no longer running; at once when it has ended before.
func (s *supervisor) wait() exitStatus {
	results, errs := s.engine.api.ContainerWait(s.ctx, s.id, container.WaitConditionNotRunning)
	select {
	case r := <-results:
		if r.Error != nil && r.Error.Message != "" {
			return exitStatus{NoExit, fmt.Errorf("waiting for the program's end: %s", r.Error.Message)}
		}
		return exitStatus{code: int(r.StatusCode)}
	case err := <-errs:
		if s.ctx.Err() != nil {
			err = context.Cause(s.ctx)
		}
		return exitStatus{NoExit, fmt.Errorf("waiting for the program's end: %w", err)}
	}
}

// deliver forwards a signal of the user.
func (s *supervisor) deliver(signal os.Signal) {
	name, terminating := signalName(signal)
	switch {
	case name == "":
	case !terminating:
		s.send(name)
	case s.signals > 0:
		s.kill()
	default:
		s.signals++
		s.send(name)
		s.expectEnd()
	}
}

// ask asks the program to end, unless somebody has already.
func (s *supervisor) ask(signal string) {
	if s.step == running {
		s.send(signal)
		s.expectEnd()
	}
}

// expectEnd starts the grace period; later calls do not prolong it.
func (s *supervisor) expectEnd() {
	if s.step == running {
		s.next(asked, s.grace)
	}
}

// kill ends the program by force.
func (s *supervisor) kill() {
	if s.step < killed {
		s.send("SIGKILL")
		s.next(killed, drainTimeout)
	}
}

// insist goes one step further when a deadline has passed.
func (s *supervisor) insist() {
	switch s.step {
	case asked:
		s.kill()
	case killed:
		s.out.hangUp()
		s.next(hungUp, s.engine.giveUp)
	case hungUp:
		s.end(errStuck)
		s.step, s.deadline = givenUp, nil
	}
}

func (s *supervisor) next(to step, patience time.Duration) {
	s.step, s.deadline = to, time.After(patience)
}

// send delivers a signal to the program, without waiting for it. One that has just ended cannot get it, and need not.
func (s *supervisor) send(signal string) {
	s.sends.Add(1)
	go func() {
		defer s.sends.Done()
		ctx, cancel := context.WithTimeoutCause(s.ctx, s.engine.cleanup, &limitError{s.engine.cleanup})
		defer cancel()
		err := s.engine.api.ContainerKill(ctx, s.id, signal)
		if err == nil || errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = errors.Join(s.err, fmt.Errorf("sending %s to the program: %w", signal, err))
	}()
}

// signalName is a signal in the engine's words, "" for one that is not forwarded, and whether programs end by it.
// Names and not numbers, which differ between this machine and the engine's.
func signalName(signal os.Signal) (name string, terminating bool) {
	switch signal {
	case os.Interrupt:
		return "SIGINT", true
	case syscall.SIGTERM:
		return "SIGTERM", true
	case syscall.SIGQUIT:
		return "SIGQUIT", true
	case syscall.SIGHUP: // many programs read their configuration again
		return "SIGHUP", false
	}
	return "", false
}

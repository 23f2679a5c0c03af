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

// supervisor watches one running container. One goroutine calls its methods and never waits for the engine: an engine may
// answer a signal only after the program's end, and report that end only after its output has been read.
type supervisor struct {
	engine *Engine
	ctx    context.Context         // of the requests; outlives the caller's
	end    context.CancelCauseFunc // ends ctx
	id     string
	out    *output
	grace  time.Duration

	signals  int              // terminating signals sent
	step     step             // the last step taken to stop the program
	deadline <-chan time.Time // when the next step is due

	sends sync.WaitGroup // signals being sent
	mu    sync.Mutex
	err   error // of signals that could not be sent
}

// step is a step in stopping a program.
type step int

const (
	running step = iota // nothing was done
	asked               // it got a signal and has its grace
	killed              // it got SIGKILL
	hungUp              // the connection to its output is closed too
	givenUp             // the engine does not stop it; the caller removes the container by force
)

// errStuck is the cause if supervise stops waiting for a program's end.
var errStuck = errors.New("the engine does not end it, not even by SIGKILL")

// exitStatus is the exit code of a program, or the error of waiting for it.
type exitStatus struct {
	code int
	err  error
}

// supervise waits for the end of the program and of its output. It stops the program after a signal, the end of ctx, or a
// failing output.
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
			if out.err != nil { // a writer failed
				out.hangUp()
				s.ask(stopSignal)
			}
		case <-s.deadline:
			s.insist()
		}
	}
}

// conclude waits for the output and joins the errors, the cause first.
func (s *supervisor) conclude(ctx context.Context, status exitStatus, cancelled bool) error {
	var cause error
	if cancelled {
		cause = context.Cause(ctx)
	}
	if status.err == nil { // it has exited: errors of sending signals don't matter
		return errors.Join(cause, s.out.drain(ctx))
	}
	// The program may still run, and its output may never end.
	ended, cancel := context.WithCancel(ctx)
	cancel()
	outputErr := s.out.drain(ended)
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(cause, status.err, s.err, outputErr)
}

// wait waits until the container no longer runs.
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

// deliver forwards a signal from the user.
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

// ask sends the stop signal, unless the program is already being stopped.
func (s *supervisor) ask(signal string) {
	if s.step == running {
		s.send(signal)
		s.expectEnd()
	}
}

// expectEnd starts the grace period. Later calls do not extend it.
func (s *supervisor) expectEnd() {
	if s.step == running {
		s.next(asked, s.grace)
	}
}

// kill sends SIGKILL.
func (s *supervisor) kill() {
	if s.step < killed {
		s.send("SIGKILL")
		s.next(killed, drainTimeout)
	}
}

// insist takes the next step after a deadline.
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

func (s *supervisor) next(to step, limit time.Duration) {
	s.step, s.deadline = to, time.After(limit)
}

// send sends a signal to the program without waiting for the engine. If the program has just exited, that is no error.
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

// signalName returns the engine's name of a signal, "" if it is not forwarded, and whether it ends programs. Names are
// portable; numbers may differ between this machine and the engine's.
func signalName(signal os.Signal) (name string, terminating bool) {
	switch signal {
	case os.Interrupt:
		return "SIGINT", true
	case syscall.SIGTERM:
		return "SIGTERM", true
	case syscall.SIGQUIT:
		return "SIGQUIT", true
	case syscall.SIGHUP: // many programs reload their configuration
		return "SIGHUP", false
	}
	return "", false
}

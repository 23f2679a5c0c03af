package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

// ErrNotRunning reports that a container has ended, or that another process removed it. The caller needs a new one.
var ErrNotRunning = errors.New("the container does not run")

// prove checks that the container has this machine's files and not others at the same paths.
func (c *DevContainer) prove(ctx context.Context) error {
	for _, b := range c.binds {
		below, here, err := b.evidence()
		if err != nil {
			return err
		}
		// The answer to a HEAD request has no error message, so every error counts as a missing file.
		there, err := c.engine.api.ContainerStatPath(ctx, c.ID, path.Join(b.Container, below))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// A file system between a virtual machine and its host may round times.
		same := there.Mtime.Truncate(time.Microsecond).Equal(here.ModTime().Truncate(time.Microsecond))
		if err != nil || !same || there.Mode.IsDir() != here.IsDir() || !here.IsDir() && there.Size != here.Size() {
			return fmt.Errorf("the engine does not see %q as it is on this machine", b.Host)
		}
	}
	return nil
}

// evidence returns what tells a Bind from the same path on another machine: of a folder, the name and the info of its latest
// file. A folder that the engine creates may have the same time by chance, its files don't.
func (b Bind) evidence() (name string, info fs.FileInfo, err error) {
	if info, err = os.Stat(b.Host); err != nil || !info.IsDir() {
		return "", info, err
	}
	entries, err := os.ReadDir(b.Host)
	if err != nil {
		return "", nil, err
	}
	for _, entry := range entries {
		file, err := entry.Info()
		if err != nil || !file.Mode().IsRegular() { // it has just been removed, or has no content
			continue
		}
		if name == "" || file.ModTime().After(info.ModTime()) {
			name, info = entry.Name(), file
		}
	}
	return name, info, nil
}

// watch waits for the container's end in the background, until Remove.
func (c *DevContainer) watch(ctx context.Context) {
	ctx, c.end = context.WithCancel(context.WithoutCancel(ctx))
	c.exited = make(chan struct{})
	s := &supervisor{engine: c.engine, ctx: ctx, id: c.ID}
	go func() {
		defer close(c.exited)
		c.status = s.wait()
		if isRemoved(c.status.err) { // it ended before the engine began to wait
			c.status = exitStatus{code: NoExit}
		}
	}()
}

// isRemoved reports whether a wait failed because the container is gone. podman reports this as an answer, not as an error.
func isRemoved(err error) bool {
	return err != nil && (errdefs.IsNotFound(err) || strings.HasSuffix(err.Error(), "no such container"))
}

// Ended returns a channel that is closed when the container has ended.
func (c *DevContainer) Ended() <-chan struct{} { return c.exited }

// Wait waits until the container has ended and all output has been written, and returns the exit code. It is an error only
// if the command could not be executed. If ctx ends first, or Stdout or Stderr fails, the container still runs, the code is
// NoExit, and the error says why. If the engine removed the container before it reported the code, the code is NoExit and
// the error is nil.
func (c *DevContainer) Wait(ctx context.Context) (exitCode int, err error) {
	code, err := c.wait(ctx)
	return code, c.failed("waiting for", err)
}

func (c *DevContainer) wait(ctx context.Context) (int, error) {
	outputEnded := c.out.done
	for {
		select {
		case <-ctx.Done():
			return NoExit, context.Cause(ctx)
		case <-outputEnded:
			if c.out.err != nil {
				return NoExit, c.out.err
			}
			outputEnded = nil // a nil channel is never ready
		case <-c.exited:
			err := errors.Join(c.status.err, c.out.drain(ctx))
			if err == nil && c.status.code != 0 {
				err = c.out.execFailure(c.path)
			}
			return c.status.code, err
		}
	}
}

// Signal sends a signal to the container's first process. name is like "SIGTERM" or "SIGRTMIN+10"; numbers differ between
// machines. It returns when the engine has sent the signal. If the container has ended, the error wraps ErrNotRunning.
func (c *DevContainer) Signal(ctx context.Context, name string) error {
	err := c.engine.api.ContainerKill(ctx, c.ID, name)
	if err != nil {
		err = notRunning(fmt.Errorf("sending %s: %w", name, err))
	}
	return c.failed("signalling", err)
}

// Feed writes to the standard input of the container's first process. Only one Feed may run at a time. After an error, a
// part may have been written and nothing more can be. The error wraps ErrNotRunning, unless ctx has ended.
func (c *DevContainer) Feed(ctx context.Context, content io.Reader) error {
	return c.failed("writing to", c.feed(ctx, content))
}

func (c *DevContainer) feed(ctx context.Context, content io.Reader) error {
	ended := errors.New("it has ended")
	select {
	case <-c.exited:
		return Advise(fmt.Errorf("%w: %w", ErrNotRunning, ended), "start a new one")
	default:
	}
	limited, cancel := context.WithTimeoutCause(ctx, feedTimeout, fmt.Errorf("it has taken nothing for %v", feedTimeout))
	defer cancel()
	err := c.out.feed(limited, content)
	if err != nil && ctx.Err() == nil {
		err = Advise(fmt.Errorf("%w: %w", ErrNotRunning, err), "start a new one")
	}
	return err
}

// feedTimeout is more than writing a program takes, even to an engine far away.
const feedTimeout = 2 * time.Minute

// notRunning wraps an engine's error with ErrNotRunning if it says that the container doesn't run.
func notRunning(err error) error {
	improper := strings.Contains(err.Error(), "state improper") // podman's
	if errdefs.IsConflict(err) || errdefs.IsNotFound(err) || improper {
		return Advise(fmt.Errorf("%w: %w", ErrNotRunning, err), "start a new one")
	}
	return err
}

// Remove kills the container if it still runs, removes it with its anonymous volumes, and returns when its output has been
// written. It does so even if ctx has ended, within half a minute. Removing it again is no error.
//
// To let the program exit by itself, call Signal with SIGTERM and Wait first.
func (c *DevContainer) Remove(ctx context.Context) error { return c.failed("removing", c.remove(ctx)) }

func (c *DevContainer) remove(ctx context.Context) error {
	switch {
	case c.out == nil:
		return c.engine.remove(ctx, c.ID)
	case c.end == nil: // never started: there is no output, and some engines don't end it
		c.out.close()
		return c.engine.remove(ctx, c.ID)
	}
	// An engine may not report a program's end while a client has not read its output.
	timer := time.AfterFunc(drainTimeout, c.out.hangUp)
	defer timer.Stop()
	err := c.engine.remove(ctx, c.ID)
	c.end()
	<-c.exited
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_ = c.out.drain(ended) // Wait returns the errors of the output
	c.out.close()
	return err
}

// failed returns the error of an exported method.
func (c *DevContainer) failed(doing string, err error) error {
	return c.engine.Failed(fmt.Sprintf("%s the development container %.12s", doing, c.ID), err)
}

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

// ErrNotRunning means that a container has ended, or was removed by somebody else: a new one is needed.
var ErrNotRunning = errors.New("the container does not run")

// prove checks that the container has this machine's files, and not others at the same places.
func (c *DevContainer) prove(ctx context.Context) error {
	for _, b := range c.binds {
		below, here, err := b.evidence()
		if err != nil {
			return err
		}
		// The answer has no words for a failure (it is that of a HEAD request): what cannot be looked at is not there.
		there, err := c.engine.api.ContainerStatPath(ctx, c.ID, path.Join(b.Container, below))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// What is between a virtual machine and its host may not keep every digit.
		same := there.Mtime.Truncate(time.Microsecond).Equal(here.ModTime().Truncate(time.Microsecond))
		if err != nil || !same || there.Mode.IsDir() != here.IsDir() || !here.IsDir() && there.Size != here.Size() {
			return fmt.Errorf("the engine does not see %q as it is on this machine", b.Host)
		}
	}
	return nil
}

// evidence is what no other machine has: of a folder the file in it that was written last, by its name. A folder made
// on the other side in the same moment has the same time, its files have not.
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
		if err != nil || !file.Mode().IsRegular() { // it has just vanished, or has no content
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
		if removed(c.status.err) { // it had ended before the engine looked
			c.status = exitStatus{code: NoExit}
		}
	}()
}

// removed tells of a wait for a container that is not there any more, also in podman's words, which come as an answer.
func removed(err error) bool {
	return err != nil && (errdefs.IsNotFound(err) || strings.HasSuffix(err.Error(), "no such container"))
}

// Ended is closed when the container has ended.
func (c *DevContainer) Ended() <-chan struct{} { return c.exited }

// Wait waits for the container's end and returns its exit code, when all output has been written. An end is no error,
// unless the command could not be executed at all. When ctx ends first, or Stdout or Stderr fails, the container runs
// on; the code is NoExit and the error says why. It is NoExit, without an error, too when the engine has removed the
// container before it could tell.
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

// Signal sends a signal to the container's first process, by a name like "SIGTERM" or "SIGRTMIN+10": numbers differ
// between machines. It returns when the engine has sent it, and does not wait for what comes of it. When the container
// has ended the error wraps ErrNotRunning.
func (c *DevContainer) Signal(ctx context.Context, name string) error {
	err := c.engine.api.ContainerKill(ctx, c.ID, name)
	if err != nil {
		err = notRunning(fmt.Errorf("sending %s: %w", name, err))
	}
	return c.failed("signalling", err)
}

// Feed writes to the standard input of the container's first process. Nobody else may do so meanwhile. After an error
// nothing more can be written: a part may have been. It wraps ErrNotRunning then,
// unless ctx has ended.
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

// feedTimeout is more than a program takes to be written, to an engine far away too.
const feedTimeout = 2 * time.Minute

// notRunning marks an engine's words for a container that does not run.
func notRunning(err error) error {
	improper := strings.Contains(err.Error(), "state improper") // podman's
	if errdefs.IsConflict(err) || errdefs.IsNotFound(err) || improper {
		return Advise(fmt.Errorf("%w: %w", ErrNotRunning, err), "start a new one")
	}
	return err
}

// Remove kills the container, if it still runs, removes it with its anonymous volumes, and returns when its output has
// been written. It does so even when ctx has ended, within half a minute. Removing it again is no error.
//
// A program that should end in peace gets SIGTERM first, by Signal, and the time that Wait is given.
func (c *DevContainer) Remove(ctx context.Context) error { return c.failed("removing", c.remove(ctx)) }

func (c *DevContainer) remove(ctx context.Context) error {
	switch {
	case c.out == nil:
		return c.engine.remove(ctx, c.ID)
	case c.end == nil: // never started: nothing is written, and some engines do not tell that either
		c.out.close()
		return c.engine.remove(ctx, c.ID)
	}
	// An engine may wait with a program's end for those who do not read its output.
	timer := time.AfterFunc(drainTimeout, c.out.hangUp)
	defer timer.Stop()
	err := c.engine.remove(ctx, c.ID)
	c.end()
	<-c.exited
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_ = c.out.drain(ended) // who cares about an output that fails asks Wait
	c.out.close()
	return err
}

// failed makes the error of an exported method.
func (c *DevContainer) failed(doing string, err error) error {
	return c.engine.Failed(fmt.Sprintf("%s the development container %.12s", doing, c.ID), err)
}

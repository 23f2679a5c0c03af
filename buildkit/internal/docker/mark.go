package docker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// runMark is the label that finds the containers of one run if their IDs are not known.
const runMark = "io.github.fromscratch-go.run"

const (
	// answerGrace is the time that an engine has to answer that it made a container, after the run was told to end.
	answerGrace = 10 * time.Second
	// lookTimeout limits the search for a container that an engine may have made although its answer was lost.
	lookTimeout = 10 * time.Second
	// lookFor is how long that search goes on while the engine lists no such container: it may be about to make it.
	lookFor = 2 * time.Second
	// lookPause is the time between two looks.
	lookPause = 100 * time.Millisecond
)

// NewMark returns a mark that no other run has.
func NewMark() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it ends the process if there is no randomness
	return hex.EncodeToString(b[:])
}

// createMarked makes a container. It has a time limit. If ctx ends meanwhile, the engine has answerGrace to answer. If its
// answer is lost, the engine may still have made the container: createMarked then finds it by its mark and removes it.
func (e *Engine) createMarked(ctx context.Context, c *container.Config, h *container.HostConfig, name, mark string) (container.CreateResponse, error) {
	if mark == "" {
		mark = NewMark()
	}
	labels := map[string]string{runMark: mark}
	maps.Copy(labels, c.Labels)
	c.Labels = labels
	limited, cancel := e.startContext(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(answerGrace, cancel) })()
	created, err := e.api.ContainerCreate(limited, c, h, nil, nil, name)
	if err == nil || refused(err) {
		return created, err
	}
	look, stop := detached(ctx, lookTimeout)
	defer stop()
	for end := time.Now().Add(lookFor); ; {
		n, failed := e.removeMarked(look, mark, 0) // the first error already says that the engine fails
		if n > 0 || failed != nil || time.Now().After(end) || !pauseFor(look, lookPause) {
			break
		}
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return created, err
}

// refused reports whether an error is the engine's own answer: it refused or failed, and its answer was not lost.
func refused(err error) bool {
	return errdefs.IsInvalidArgument(err) || errdefs.IsNotFound(err) || errdefs.IsConflict(err) || errdefs.IsInternal(err) ||
		errdefs.IsUnauthorized(err) || errdefs.IsPermissionDenied(err)
}

// RemoveMarked stops and removes the containers that were run with a mark, and returns how many there were. Their programs
// have grace to exit by themselves. It is for a process that outlives the one that ran them.
func (e *Engine) RemoveMarked(ctx context.Context, mark string, grace time.Duration) (int, error) {
	n, err := e.removeMarked(ctx, mark, grace)
	return n, e.Failed(fmt.Sprintf("removing the containers of run %q", mark), err)
}

// removeMarked looks again until the engine lists no such container: while it makes one, it lists it and still says that
// there is none to remove.
func (e *Engine) removeMarked(ctx context.Context, mark string, grace time.Duration) (int, error) {
	marked := filters.NewArgs(filters.Arg("label", runMark+"="+mark))
	seen := map[string]bool{}
	for {
		list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: marked})
		if err != nil || len(list) == 0 {
			return len(seen), err
		}
		for _, c := range list {
			seen[c.ID] = true
			if grace > 0 {
				seconds := int(max(grace, time.Second) / time.Second)
				_ = e.api.ContainerStop(ctx, c.ID, container.StopOptions{Timeout: &seconds}) // if it fails, remove uses force
			}
			err = errors.Join(err, e.remove(ctx, c.ID))
		}
		if err != nil {
			return len(seen), err
		}
		if !pauseFor(ctx, lookPause) {
			return len(seen), context.Cause(ctx)
		}
	}
}

// pauseFor waits. It reports false if ctx ended first.
func pauseFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

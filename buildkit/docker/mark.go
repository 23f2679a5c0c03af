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

// runMark is the label by which the containers of one run are found when their IDs are not known.
const runMark = "io.github.fromscratch-go.run"

// lookTimeout bounds the look for a container that an engine may have made without saying so.
const lookTimeout = 10 * time.Second

// NewMark makes a mark that no other run has.
func NewMark() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it ends the process where there is no randomness
	return hex.EncodeToString(b[:])
}

// createMarked makes a container, bounded and not cancelled. When the engine's answer is lost, the container may be there
// nevertheless, and nobody knows its ID: it is found by its mark, and removed.
func (e *Engine) createMarked(ctx context.Context, c *container.Config, h *container.HostConfig, name, mark string) (container.CreateResponse, error) {
	if mark == "" {
		mark = NewMark()
	}
	labels := map[string]string{runMark: mark}
	maps.Copy(labels, c.Labels)
	c.Labels = labels
	limited, cancel := e.startContext(ctx)
	defer cancel()
	created, err := e.api.ContainerCreate(limited, c, h, nil, nil, name)
	if err == nil || refused(err) {
		return created, err
	}
	look, stop := detached(ctx, lookTimeout)
	defer stop()
	_, _ = e.removeMarked(look, mark, 0) // an engine that fails now as well is told of already
	return created, err
}

// refused reports whether an engine has answered that it does not do something.
func refused(err error) bool {
	return errdefs.IsInvalidArgument(err) || errdefs.IsNotFound(err) || errdefs.IsConflict(err) || errdefs.IsInternal(err) ||
		errdefs.IsUnauthorized(err) || errdefs.IsPermissionDenied(err)
}

// RemoveMarked ends and removes the containers that were run with a mark, and tells how many there were. Their programs
// have grace to end in peace. It is for a process that outlives the one whose run that was.
func (e *Engine) RemoveMarked(ctx context.Context, mark string, grace time.Duration) (int, error) {
	n, err := e.removeMarked(ctx, mark, grace)
	return n, e.Failed(fmt.Sprintf("removing the containers of run %q", mark), err)
}

func (e *Engine) removeMarked(ctx context.Context, mark string, grace time.Duration) (int, error) {
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", runMark+"="+mark))})
	if err != nil {
		return 0, err
	}
	for _, c := range list {
		if grace > 0 {
			seconds := int(max(grace, time.Second) / time.Second)
			_ = e.api.ContainerStop(ctx, c.ID, container.StopOptions{Timeout: &seconds}) // it is removed by force else
		}
		err = errors.Join(err, e.remove(ctx, c.ID))
	}
	return len(list), err
}

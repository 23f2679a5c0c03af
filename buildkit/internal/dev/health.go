package dev

import (
	"context"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	protocol "github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
)

// health follows the health check of a container in a goroutine.
type health struct {
	starts chan time.Time // the latest start of the program
	stop   context.CancelFunc
	done   chan struct{}
}

// began receives the events of the program, in one goroutine. Each start needs a new verdict.
func (h *health) began(e protocol.Event) {
	if e.Kind != protocol.Started {
		return
	}
	at := time.Now()
	if e.Run == 1 {
		at = time.Time{} // every verdict of the engine is about this one
	}
	select {
	case <-h.starts: // nobody has received that one
	default:
	}
	h.starts <- at
}

// follow begins to follow a container's health check.
func (h *health) follow(ctx context.Context, c *docker.DevContainer, report func(docker.Verdict)) {
	ctx, h.stop = context.WithCancel(ctx)
	h.done = make(chan struct{})
	go func() {
		defer close(h.done)
		c.FollowHealth(ctx, h.starts, report)
	}()
}

// end stops it. Afterwards nothing more is reported.
func (h *health) end() {
	if h.stop != nil {
		h.stop()
		<-h.done
	}
}

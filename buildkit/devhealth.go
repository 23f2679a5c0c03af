package buildkit

import (
	"context"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/supervisor/report"
)

// devHealth follows the health check of a development container beside all else.
type devHealth struct {
	starts chan time.Time // of the program, the last one
	stop   context.CancelFunc
	done   chan struct{}
}

// began is told what becomes of the program, from one goroutine: each start is another one to be looked at.
func (h *devHealth) began(e report.Event) {
	if e.Kind != report.Started {
		return
	}
	at := time.Now()
	if e.Run == 1 {
		at = time.Time{} // whatever the engine knows is about this one
	}
	select {
	case <-h.starts: // nobody has looked at that one
	default:
	}
	h.starts <- at
}

// follow begins to follow a container's health check.
func (h *devHealth) follow(ctx context.Context, c *docker.DevContainer, tell func(docker.Verdict)) {
	ctx, h.stop = context.WithCancel(ctx)
	h.done = make(chan struct{})
	go func() {
		defer close(h.done)
		c.FollowHealth(ctx, h.starts, tell)
	}()
}

// end returns when nothing more is told.
func (h *devHealth) end() {
	if h.stop != nil {
		h.stop()
		<-h.done
	}
}

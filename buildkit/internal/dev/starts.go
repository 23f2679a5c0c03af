package dev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	protocol "github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
)

// starts has what the supervisor reports about the runs of the program.
type starts struct {
	splitter protocol.Splitter // takes the reports out of the container's output
	events   chan protocol.Event
	run      int         // number of the latest run
	ended    atomic.Bool // the program has ended and was not started again
}

// add receives an event from the splitter.
func (s *starts) add(e protocol.Event) {
	s.ended.Store(e.Kind != protocol.Started)
	select {
	case s.events <- e:
	default: // nobody waits for so many
	}
}

// forget drops the events from before a request.
func (s *starts) forget() {
	for {
		select {
		case e := <-s.events:
			s.run = max(s.run, e.Run)
		default:
			return
		}
	}
}

// startTime is the longest wait for a start of the program. A start takes milliseconds; after that long, something else is wrong.
const startTime = 30 * time.Second

// next waits for the next start of the program.
func (s *starts) next(ctx context.Context, containerEnded <-chan struct{}) (protocol.Event, error) {
	late := time.NewTimer(startTime)
	defer late.Stop()
	for {
		select {
		case e := <-s.events:
			switch {
			case e.Kind == protocol.Failed:
				s.run = e.Run
				return e, fmt.Errorf("starting the new program: %s", e.Reason)
			case e.Kind == protocol.Started && e.Run > s.run: // otherwise an earlier run
				s.run = e.Run
				return e, nil
			}
		case <-containerEnded:
			return protocol.Event{}, &report.EngineError{Err: fmt.Errorf("starting the new program: %w", docker.ErrNotRunning)}
		case <-late.C:
			return protocol.Event{}, &report.EngineError{Err: fmt.Errorf("starting the new program: the container said nothing for %s\nfix: start imageDev again", startTime)}
		case <-ctx.Done():
			return protocol.Event{}, context.Cause(ctx)
		}
	}
}

// errStale reports that the supervisor has started the previous file again.
var errStale = errors.New("the supervisor has started the previous program")

// awaitStart waits until the supervisor has started the placed program.
func (c *Container) awaitStart(ctx context.Context) error {
	e, err := c.starts.next(ctx, c.container.Ended())
	if err != nil || !c.moved {
		return err
	}
	info, err := os.Stat(c.placed())
	// The time of a copy has microseconds at best.
	if err == nil && !info.ModTime().Truncate(time.Microsecond).Equal(e.Modified.Truncate(time.Microsecond)) {
		err = errStale
	}
	return err
}

package engines

import (
	"context"
	"fmt"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// guess is the assumption that an engine has the same platform as in the last run. The
// engine takes a while to confirm it, because it starts other programs (runc). The image
// is built meanwhile.
type guess struct {
	mu     sync.Mutex
	answer *answer // nil if nothing is assumed
	wrong  bool    // whether an earlier guess was wrong
}

// answer is the answer of an engine.
type answer struct {
	done chan struct{} // closed when err is set
	err  error
}

// start starts to ask an engine for its platform, which should be p. It returns false if
// an earlier guess was wrong: then the caller must ask the engine and wait.
func (g *guess) start(ctx context.Context, engine *docker.Engine, p platform.Platform) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.answer != nil || g.wrong {
		return !g.wrong
	}
	a := &answer{done: make(chan struct{})}
	g.answer = a
	go func() {
		defer close(a.done)
		now, err := engine.Platform(ctx)
		if err == nil && now != p {
			err = fmt.Errorf("the engine at %s runs %s now, but ran %s in the last run\nfix: run the target again, to build the image for %s", engine.Host(), now, p, now)
		}
		if err != nil {
			a.err = &report.EngineError{Err: err}
		}
	}()
	return true
}

// confirm waits for the engine's answer, if something is assumed, and returns an error if it was wrong.
func (g *guess) confirm() error {
	g.mu.Lock()
	a := g.answer
	g.mu.Unlock()
	if a == nil {
		return nil
	}
	<-a.done
	if a.err != nil {
		g.mu.Lock()
		g.answer, g.wrong = nil, true
		g.mu.Unlock()
	}
	return a.err
}

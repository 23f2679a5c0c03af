package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// assumption is the assumption that the engine has the same platform as in the last run.
// The engine takes a while to confirm it, because it starts other programs (runc). The
// image is built meanwhile.
type assumption struct {
	done chan struct{} // closed when err is set
	err  error
}

// assume starts to ask the engine for its platform, which should be p. It returns false
// if an earlier assumption was wrong: then the caller must ask the engine and wait.
func (j *job) assume(ctx context.Context, p buildkit.Platform) bool {
	j.assuming.Lock()
	defer j.assuming.Unlock()
	if j.assumed != nil || j.mistaken {
		return !j.mistaken
	}
	a := &assumption{done: make(chan struct{})}
	j.assumed = a
	go func() {
		defer close(a.done)
		now, err := j.engine.Platform(ctx)
		if err == nil && now != p {
			err = fmt.Errorf("the engine at %s runs %s now, but ran %s in the last run\nfix: run the target again, to build the image for %s", j.engine.Host(), now, p, now)
		}
		if err != nil {
			a.err = &buildkit.EngineError{Err: err}
		}
	}()
	return true
}

// confirm waits for the engine's answer, if something was assumed, and returns an error if it was wrong.
func (j *job) confirm() error {
	j.assuming.Lock()
	a := j.assumed
	j.assuming.Unlock()
	if a == nil {
		return nil
	}
	<-a.done
	if a.err != nil {
		j.assuming.Lock()
		j.assumed, j.mistaken = nil, true
		j.assuming.Unlock()
	}
	return a.err
}

// announce starts a delivery to the engine. If there is only one image, it announces it
// before the build. Of several images, each is loaded while the next one is built.
func (j *job) announce(ctx context.Context, plans []buildkit.Plan) (*buildkit.Delivery, error) {
	to := buildkit.To(j.engine)
	if len(plans) != 1 {
		return to, nil
	}
	if err := to.Announce(ctx, plans[0]); err != nil {
		to.Close()
		return nil, err
	}
	return to, nil
}

// load loads an image into the engine, if the assumed platform is right.
func (j *job) load(ctx context.Context, b *buildkit.Built, to *buildkit.Delivery) error {
	if err := j.confirm(); err != nil {
		return errors.Join(err, b.Doubt())
	}
	return b.Load(ctx, to)
}

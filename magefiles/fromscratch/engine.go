package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// assumption is that the engine runs what it has run the last time. To ask makes it start
// other programs (runc), so that the image is built meanwhile.
type assumption struct {
	asked chan struct{} // closed when err is known
	err   error
}

// assume has the engine confirm a platform, and does not wait. false is that an assumption was
// wrong before: the engine has to be asked.
func (j *job) assume(ctx context.Context, p buildkit.Platform) bool {
	j.assuming.Lock()
	defer j.assuming.Unlock()
	if j.assumed != nil || j.mistaken {
		return !j.mistaken
	}
	a := &assumption{asked: make(chan struct{})}
	j.assumed = a
	go func() {
		defer close(a.asked)
		now, err := j.engine.Platform(ctx)
		if err == nil && now != p {
			err = fmt.Errorf("the engine at %s runs %s, and has run %s the last time\nfix: run it again: the image is then built for %s", j.engine.Host(), now, p, now)
		}
		if err != nil {
			a.err = &buildkit.EngineError{Err: err}
		}
	}()
	return true
}

// confirmed waits for the answer, if something was assumed.
func (j *job) confirmed() error {
	j.assuming.Lock()
	a := j.assumed
	j.assuming.Unlock()
	if a == nil {
		return nil
	}
	<-a.asked
	if a.err != nil {
		j.assuming.Lock()
		j.assumed, j.mistaken = nil, true
		j.assuming.Unlock()
	}
	return a.err
}

// announce tells the engine of an image that is going to be built, if it is the only one: the
// others of several are loaded while the next is built.
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

// load brings an image into the engine, if that is one that runs it.
func (j *job) load(ctx context.Context, b *buildkit.Built, to *buildkit.Delivery) error {
	if err := j.confirmed(); err != nil {
		return errors.Join(err, b.Doubt())
	}
	return b.Load(ctx, to)
}

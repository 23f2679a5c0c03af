package buildkit

import (
	"context"
	"errors"
	"fmt"

	"github.com/fromscratch-go/fromscratch/buildkit/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
)

// Delivery brings one image into an engine. The caller closes it.
type Delivery struct {
	engine    *docker.Engine
	announced chan struct{}       // closed when before is known; nil when it was not asked for
	before    inspected           // what has the image's name
	pending   *docker.PendingLoad // nil when none has begun
}

// inspected is an engine's answer about the image that has a name.
type inspected struct {
	image docker.Image
	found bool
	err   error
}

// To delivers into an engine.
func To(engine *docker.Engine) *Delivery { return &Delivery{engine: engine} }

// Announce tells the engine that an image of the plan will come, while that is built: the
// engine makes ready to unpack it, and says what it has under the name. It does not wait.
func (d *Delivery) Announce(ctx context.Context, p Plan) error {
	head, err := deliver.Head()
	if err != nil {
		return fmt.Errorf("announcing image %q: %w", p.Name, err)
	}
	d.announced = make(chan struct{})
	go func() {
		defer close(d.announced)
		d.before = d.inspect(ctx, p.Reference)
	}()
	d.pending = d.engine.BeginLoad(ctx, p.enginePlatform(), head)
	return nil
}

// Close gives back what was not made use of.
func (d *Delivery) Close() {
	if d.announced != nil {
		<-d.announced
	}
	if d.pending != nil {
		d.pending.Abandon()
	}
}

// inspect asks the engine for an image. One that it fails over is as good as none: to
// load it puts it right.
func (d *Delivery) inspect(ctx context.Context, ref string) (i inspected) {
	i.image, i.found, i.err = d.engine.Image(ctx, ref)
	var broken *docker.BrokenImageError
	if errors.As(i.err, &broken) {
		i.err = nil
	}
	return i
}

// has is what the engine has under the name. That it is this image already is asked
// again, if that was a while ago.
func (d *Delivery) has(ctx context.Context, ref string, ids []string) (inspected, error) {
	if d.announced != nil {
		if <-d.announced; d.before.err == nil && !d.before.is(ids) {
			return d.before, nil
		}
	}
	before := d.inspect(ctx, ref)
	return before, before.err
}

// is says whether it is the image with one of the IDs, whole.
func (i inspected) is(ids []string) bool { return i.found && i.image.Complete && i.image.Is(ids...) }

// enginePlatform is the plan's platform in the words of the engine's room.
func (p Plan) enginePlatform() docker.Platform {
	return docker.Platform{OS: p.Platform.OS, Arch: p.Platform.Architecture, Variant: p.Platform.Variant}
}

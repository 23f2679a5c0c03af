package buildkit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
)

// Delivery brings one image into an engine. The caller closes it.
type Delivery struct {
	engine    *docker.Engine
	announced chan struct{}       // closed when before is known; nil when it was not asked for
	forget    context.CancelFunc  // ends the question
	before    inspected           // what has the image's name
	pending   *docker.PendingLoad // nil when none has begun
	loaded    *loaded
}

// loaded are the layers that deliveries of one run have brought into an engine.
type loaded struct {
	mu     sync.Mutex
	chains map[string]bool // of blobs, as they were sent, from the lowest layer up
}

// add notes all layers of an image.
func (l *loaded) add(img *image.Image) {
	l.mu.Lock()
	defer l.mu.Unlock()
	blobs := img.Blobs()
	for n := range blobs {
		l.chains[chain(blobs[:n+1])] = true
	}
}

// shared is how many layers of an image, from the lowest up, were brought before.
func (l *loaded) shared(img *image.Image) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	blobs, n := img.Blobs(), 0
	for n < len(blobs) && l.chains[chain(blobs[:n+1])] {
		n++
	}
	return n
}

func chain(blobs []image.Blob) string {
	var digests []string
	for _, b := range blobs {
		digests = append(digests, b.Digest.String())
	}
	return strings.Join(digests, " ")
}

// inspected is an engine's answer about the image that has a name.
type inspected struct {
	image docker.Image
	found bool
	err   error
}

// To delivers into an engine.
func To(engine *docker.Engine) *Delivery {
	return &Delivery{engine: engine, loaded: &loaded{chains: map[string]bool{}}}
}

// Beside delivers another image of the same run into the engine. What one of them has
// brought is not sent again.
func (d *Delivery) Beside() *Delivery { return &Delivery{engine: d.engine, loaded: d.loaded} }

// Announce tells the engine that an image of the plan will come, while that is built: the
// engine makes ready to unpack it, and says what it has under the name. It does not wait.
func (d *Delivery) Announce(ctx context.Context, p Plan) error {
	head, err := deliver.Head()
	if err != nil {
		return fmt.Errorf("announcing image %q: %w", p.Name, err)
	}
	d.announced = make(chan struct{})
	ctx, d.forget = context.WithCancel(ctx)
	go func() {
		defer close(d.announced)
		d.before = d.inspect(ctx, p.Reference)
	}()
	d.pending = d.engine.BeginLoad(ctx, p.Platform, head)
	return nil
}

// Close gives back what was not made use of.
func (d *Delivery) Close() {
	if d.announced != nil {
		d.forget()
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
		if <-d.announced; d.before.err == nil && !d.before.is(ids) || noAnswer(d.before.err) {
			return d.before, d.before.err
		}
	}
	before := d.inspect(ctx, ref)
	return before, before.err
}

// is says whether it is the image with one of the IDs, whole.
func (i inspected) is(ids []string) bool { return i.found && i.image.Complete && i.image.Is(ids...) }

// noAnswer says whether an engine has not answered a request: it would not answer the same
// one a moment later either.
func noAnswer(err error) bool {
	var silent *docker.NoAnswerError
	return errors.As(err, &silent)
}

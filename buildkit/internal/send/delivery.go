package send

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
)

// Delivery brings one image into an engine, see [Load]. The caller closes it.
type Delivery struct {
	// Confirm, if set, returns an error if something that the image was built for is not true of the engine, as its platform. It
	// is called before the image is sent.
	Confirm func() error

	engine    *docker.Engine
	announced chan struct{}       // closed when before is known; nil without an announcement
	forget    context.CancelFunc  // stops asking for before
	before    inspected           // the image that had the name when this one was announced
	pending   *docker.PendingLoad // the request that waits for the image; nil if there is none
	loaded    *loaded
}

// loaded has the layers that deliveries of one run have brought into an engine.
type loaded struct {
	mu     sync.Mutex
	chains map[string]bool // of blobs, as they were sent, from the lowest layer up
}

// add records all layers of an image.
func (l *loaded) add(img *image.Image) {
	l.mu.Lock()
	defer l.mu.Unlock()
	blobs := img.Blobs()
	for n := range blobs {
		l.chains[chain(blobs[:n+1])] = true
	}
}

// shared returns how many layers of an image, from the lowest up, the engine has from this run.
func (l *loaded) shared(img *image.Image) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	blobs, n := img.Blobs(), 0
	for n < len(blobs) && l.chains[chain(blobs[:n+1])] {
		n++
	}
	return n
}

// chain returns the key of a stack of blobs.
func chain(blobs []image.Blob) string {
	var digests []string
	for _, b := range blobs {
		digests = append(digests, b.Digest.String())
	}
	return strings.Join(digests, " ")
}

// inspected is the answer of an engine about the image that has a name.
type inspected struct {
	image docker.Image
	found bool
	err   error
}

// NewDelivery returns a delivery into an engine.
func NewDelivery(engine *docker.Engine) *Delivery {
	return &Delivery{engine: engine, loaded: &loaded{chains: map[string]bool{}}}
}

// Fork returns a delivery of another image of the same run. Layers that one of them has sent are not sent again.
func (d *Delivery) Fork() *Delivery {
	return &Delivery{Confirm: d.Confirm, engine: d.engine, loaded: d.loaded}
}

// Confirmed is Confirm, or nil if that is not set.
func (d *Delivery) Confirmed() error {
	if d.Confirm == nil {
		return nil
	}
	return d.Confirm()
}

// Announce prepares the engine for an image while that is built: the engine starts to unpack an archive, and is asked which image
// has the name. Announce does not wait for the answers.
func (d *Delivery) Announce(ctx context.Context, p plan.Image) error {
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

// Close ends what was announced and not used.
func (d *Delivery) Close() {
	if d.announced != nil {
		d.forget()
		<-d.announced
	}
	if d.pending != nil {
		d.pending.Abandon()
	}
}

// inspect asks the engine for an image. A broken one counts as missing: a load repairs it.
func (d *Delivery) inspect(ctx context.Context, ref string) (i inspected) {
	i.image, i.found, i.err = d.engine.Image(ctx, ref)
	var broken *docker.BrokenImageError
	if errors.As(i.err, &broken) {
		i.err = nil
	}
	return i
}

// has returns the image that has the name in the engine. If the answer to Announce was this very image, which may have been removed
// since, or an error, has asks again.
func (d *Delivery) has(ctx context.Context, ref string, ids []string) (inspected, error) {
	if d.announced != nil {
		if <-d.announced; d.before.err == nil && !d.before.is(ids) || noAnswer(d.before.err) {
			return d.before, d.before.err
		}
	}
	before := d.inspect(ctx, ref)
	return before, before.err
}

// is reports whether the image is complete and has one of the IDs.
func (i inspected) is(ids []string) bool { return i.found && i.image.Complete && i.image.Is(ids...) }

// noAnswer reports whether an engine did not answer a request. It would not answer the same request a moment later either.
func noAnswer(err error) bool {
	var silent *docker.NoAnswerError
	return errors.As(err, &silent)
}

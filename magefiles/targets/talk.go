package targets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/dialogue"
)

// The messages with the Configs of this side.
type (
	startOrder = dialogue.Start[Config]
	order      = dialogue.Order[Config]
)

// talk is the target's side of the dialogue.
type talk struct {
	configs []Config

	mu     sync.Mutex // answers and interruptions are sent concurrently
	orders *json.Encoder
	early  []order // sent before the worker was started
}

// passInterrupts sends each interruption to the worker as an order, until stop is
// called. The first interruption also cancels the returned context.
func (t *talk) passInterrupts(parent context.Context, i *interrupts) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		i.forEach(parent, ended, func(cause dialogue.Cause) {
			cancel(interruption(cause))
			t.send(order{Stop: cause})
		})
	}()
	return ctx, func() { close(ended); <-done; cancel(nil) }
}

// interruption returns the error of a target that is interrupted while its worker is compiled.
func interruption(cause dialogue.Cause) *exitError {
	if cause == dialogue.Timeout {
		return &exitError{"timed out: the time limit of mage -t is nearly over\nfix: give -t more time, or leave it out", exitBuild}
	}
	return &exitError{fmt.Sprintf("interrupted (%s)", cause), exitInterrupted}
}

// open sends the worker its Start, and then the orders from before. The worker
// expects the Start first, so no other order may come before it.
func (t *talk) open(w io.Writer, s startOrder) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.orders = json.NewEncoder(w)
	for _, o := range append([]order{{Start: &s}}, t.early...) {
		_ = t.orders.Encode(o) // see send
	}
}

// send sends an order, or keeps it until open. An error is ignored: it means that
// the worker has ended, and then its reports end too.
func (t *talk) send(o order) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.orders == nil {
		t.early = append(t.early, o)
		return
	}
	_ = t.orders.Encode(o)
}

// listen reads reports until the last one, and returns it, or nil if there is none.
// Each hook that the worker calls runs in its own goroutine: a hook that ignores its
// context must not block the target when the worker has ended.
func (t *talk) listen(ctx context.Context, reports io.Reader) (*dialogue.End, error) {
	for decoder := json.NewDecoder(reports); ; {
		var r dialogue.Report
		switch err := decoder.Decode(&r); {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("reading the worker's reports: %w", err)
		case r.End != nil:
			return r.End, nil
		case r.Call != nil:
			go t.answer(ctx, *r.Call)
		}
	}
}

// answer runs the called hook and sends its result. The hook's output goes to stderr,
// because stdout has only the target's result. A panic becomes an error: mg.Deps fails by it.
func (t *talk) answer(ctx context.Context, c dialogue.Call) {
	hook := t.hook(c)
	if hook == nil {
		t.send(order{Answer: &dialogue.Answer{Error: fmt.Sprintf("the Config %d has no function %q", c.Config, c.Hook)}})
		return
	}
	stdout := os.Stdout
	os.Stdout = os.Stderr
	err := recovered(func() error { return hook(ctx, BuildInfo(c.Build)) })
	os.Stdout = stdout
	if ctx.Err() != nil {
		return // the worker is being stopped, which says more than the error of a cancelled hook
	}
	var a dialogue.Answer
	if err != nil {
		a.Error = err.Error()
	}
	t.send(order{Answer: &a})
}

// hook returns the called function, or nil if the Config has none.
func (t *talk) hook(c dialogue.Call) func(context.Context, BuildInfo) error {
	if c.Config < 0 || c.Config >= len(t.configs) {
		return nil
	}
	switch c.Hook {
	case "Before":
		return t.configs[c.Config].Build.Before
	case "After":
		return t.configs[c.Config].Build.After
	}
	return nil
}

// recovered calls f and turns a panic into an error.
func recovered(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return f()
}

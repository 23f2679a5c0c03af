package targets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// talk is the target's side of the dialogue.
type talk struct {
	configs []Config

	mu     sync.Mutex // orders are given by answers and by interruptions
	orders *json.Encoder
	early  []dialogue.Order // given before the command was started
}

// heed takes interruptions, from now until stop: each becomes an order, and the
// first ends the context that it gives.
func (t *talk) heed(parent context.Context, i *interrupts) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ended, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		i.each(parent, ended, func(cause dialogue.Cause) {
			cancel(interruption(cause))
			t.send(dialogue.Order{Stop: cause})
		})
	}()
	return ctx, func() { close(ended); <-told; cancel(nil) }
}

// interruption is the end of a target whose command has not been compiled yet.
func interruption(cause dialogue.Cause) *exitError {
	if cause == dialogue.Timeout {
		return &exitError{"timed out: mage's -t is nearly over\nfix: give it more time, or none", exitBuild}
	}
	return &exitError{fmt.Sprintf("interrupted (%s)", cause), exitInterrupted}
}

// open gives the command its first order, and then those that could not be given
// yet. No other comes between: the command takes nothing before its Start.
func (t *talk) open(w io.Writer, s dialogue.Start) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.orders = json.NewEncoder(w)
	for _, o := range append([]dialogue.Order{{Start: &s}}, t.early...) {
		_ = t.orders.Encode(o) // see send
	}
}

// send gives an order. A command that does not take it has ended, and is known to
// have by the end of its reports.
func (t *talk) send(o dialogue.Order) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.orders == nil {
		t.early = append(t.early, o)
		return
	}
	_ = t.orders.Encode(o)
}

// listen reads reports until the last, and gives it; nil when there is none. The
// hooks that the command calls run beside it: one that does not heed its context
// must not keep the target when the command has ended.
func (t *talk) listen(ctx context.Context, reports io.Reader) (*dialogue.End, error) {
	for decoder := json.NewDecoder(reports); ; {
		var r dialogue.Report
		switch err := decoder.Decode(&r); {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("reading what the command reports: %w", err)
		case r.End != nil:
			return r.End, nil
		case r.Call != nil:
			go t.answer(ctx, *r.Call)
		}
	}
}

// answer runs the function that is called for. What it prints goes to stderr, as
// stdout has the result alone. A panic, which is how mg.Deps fails, is an error.
func (t *talk) answer(ctx context.Context, c dialogue.Call) {
	hook := t.hook(c)
	if hook == nil {
		t.send(dialogue.Order{Answer: &dialogue.Answer{Error: fmt.Sprintf("there is no %q of the Config %d", c.Hook, c.Config)}})
		return
	}
	stdout := os.Stdout
	os.Stdout = os.Stderr
	err := guarded(func() error { return hook(ctx, c.Argument) })
	os.Stdout = stdout
	if ctx.Err() != nil {
		return // the command is being stopped, which says more than a cancelled hook
	}
	var a dialogue.Answer
	if err != nil {
		a.Error = err.Error()
	}
	t.send(dialogue.Order{Answer: &a})
}

// hook returns the function that is called for, nil if there is none.
func (t *talk) hook(c dialogue.Call) func(context.Context, string) error {
	if c.Config < 0 || c.Config >= len(t.configs) {
		return nil
	}
	switch c.Hook {
	case "Before":
		return t.configs[c.Config].Before
	case "After":
		return t.configs[c.Config].After
	}
	return nil
}

// guarded makes an error of a panic.
func guarded(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return f()
}

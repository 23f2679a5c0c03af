package targets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// talk is the target's side of the dialogue.
type talk struct {
	configs []Config

	mu     sync.Mutex // orders are given by answers and by interruptions
	orders *json.Encoder
}

// send gives an order. A command that does not take it has ended, and is known to
// have by the end of its reports.
func (t *talk) send(o dialogue.Order) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.orders.Encode(o)
}

// listen reads reports until the last, and gives it; nil when there is none. The
// hooks that the command calls have a context that ends with the first
// interruption.
func (t *talk) listen(ctx context.Context, reports io.Reader, i *interrupts) (*dialogue.End, error) {
	hooks, cancel := context.WithCancelCause(ctx)
	ended, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		i.each(ctx, ended, func(cause dialogue.Cause) {
			cancel(fmt.Errorf("cancelled: %s", cause))
			t.send(dialogue.Order{Stop: cause})
		})
	}()
	defer func() { close(ended); <-told; cancel(nil) }()
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
			if answer := t.answer(hooks, *r.Call); hooks.Err() == nil {
				t.send(dialogue.Order{Answer: answer})
			} // else the command is being stopped, which says more than a cancelled hook
		}
	}
}

// answer runs the function that is called for.
func (t *talk) answer(ctx context.Context, c dialogue.Call) *dialogue.Answer {
	hook := t.configs[c.Config].Before
	if c.Hook == "After" {
		hook = t.configs[c.Config].After
	}
	if err := hook(ctx, c.Argument); err != nil {
		return &dialogue.Answer{Error: err.Error()}
	}
	return &dialogue.Answer{}
}

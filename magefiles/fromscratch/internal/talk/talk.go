// Package talk is the worker's side of the dialogue with the target, a process that runs
// in a magefile: it reads orders, and sends reports. Package dialogue has the messages.
package talk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// The messages with the Configs of this side.
type (
	Start = dialogue.Start[config.Config]
	Order = dialogue.Order[config.Config]
)

// Conn is the connection to the target.
type Conn struct {
	orders  *json.Decoder
	answers chan dialogue.Answer
	pipe    *os.File // for reports
	reports *json.Encoder
	calling sync.Mutex // one call at a time: an answer does not say which call it is for
}

// Open opens the pipe for reports, which [dialogue.ReportsVariable] names. Orders come from a reader.
func Open(orders io.Reader) (*Conn, error) {
	n, err := strconv.ParseUint(os.Getenv(dialogue.ReportsVariable), 10, 64)
	if err != nil {
		return nil, errors.New("this is the worker of the mage targets of github.com/fromscratch-go/fromscratch, which mage starts\nfix: import the targets in a magefile and run mage")
	}
	if err := os.Unsetenv(dialogue.ReportsVariable); err != nil {
		return nil, err
	}
	keepFromChildren(uintptr(n))
	pipe := os.NewFile(uintptr(n), "reports")
	return &Conn{orders: json.NewDecoder(orders), answers: make(chan dialogue.Answer), pipe: pipe, reports: json.NewEncoder(pipe)}, nil
}

// Start reads the first order. The functions of its Configs call those of the magefile, in the target's process: they
// need Listen.
func (c *Conn) Start() (Start, error) {
	var first Order
	if err := c.orders.Decode(&first); err != nil || first.Start == nil {
		return Start{}, fmt.Errorf("reading the target's first order: %v", err)
	}
	s := *first.Start
	for i, h := range s.Hooks {
		if h.Before {
			s.Configs[i].Build.Before = c.hook(i, "Before")
		}
		if h.After {
			s.Configs[i].Build.After = c.hook(i, "After")
		}
	}
	return s, nil
}

// Listen handles the orders that come while the target runs, until the target's process
// closes its end or ends. It calls stop for each request to end.
func (c *Conn) Listen(ctx context.Context, stop func(dialogue.Cause)) {
	for {
		var o Order
		if err := c.orders.Decode(&o); err != nil {
			stop(dialogue.Gone)
			return
		}
		if o.Stop != "" {
			stop(o.Stop)
		}
		if o.Answer != nil {
			select {
			case c.answers <- *o.Answer:
			case <-ctx.Done(): // nobody waits for the answer
			}
		}
	}
}

// End sends the last report and closes the pipe.
func (c *Conn) End(end dialogue.End) error {
	return errors.Join(c.reports.Encode(dialogue.Report{End: &end}), c.pipe.Close())
}

// hook returns a function that calls a function of a Config, given by its index, in the target's process.
func (c *Conn) hook(index int, name string) func(context.Context, config.BuildInfo) error {
	return func(ctx context.Context, b config.BuildInfo) error {
		c.calling.Lock()
		defer c.calling.Unlock()
		if err := c.reports.Encode(dialogue.Report{Call: &dialogue.Call{Config: index, Hook: name, Build: dialogue.BuildInfo(b)}}); err != nil {
			return err
		}
		select {
		case a := <-c.answers:
			if a.Error != "" {
				return errors.New(a.Error)
			}
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

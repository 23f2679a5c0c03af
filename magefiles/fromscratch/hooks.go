package main

import (
	"context"
	"errors"
	"sync"

	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// connectHooks gives the Configs functions that call those of the magefile, which
// are in the target's process.
func (j *job) connectHooks(s dialogue.Start, r *reports, answers <-chan dialogue.Answer) {
	var one sync.Mutex // an answer does not say what it is the answer to
	call := func(config int, hook string) func(context.Context, string) error {
		return func(ctx context.Context, argument string) error {
			one.Lock()
			defer one.Unlock()
			if err := r.send(dialogue.Report{Call: &dialogue.Call{Config: config, Hook: hook, Argument: argument}}); err != nil {
				return err
			}
			select {
			case a := <-answers:
				if a.Error != "" {
					return errors.New(a.Error)
				}
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	for i, h := range s.Hooks {
		if h.Before {
			j.configs[i].Before = call(i, "Before")
		}
		if h.After {
			j.configs[i].After = call(i, "After")
		}
	}
}

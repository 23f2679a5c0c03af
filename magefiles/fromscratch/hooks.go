package main

import (
	"context"
	"errors"
	"sync"

	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// connectHooks sets Before and After in the Configs to functions that call those of the
// magefile, in the target's process.
func (j *job) connectHooks(s dialogue.Start, r *reports, answers <-chan dialogue.Answer) {
	var mu sync.Mutex // one call at a time: an answer does not say which call it is for
	call := func(config int, hook string) func(context.Context, string) error {
		return func(ctx context.Context, argument string) error {
			mu.Lock()
			defer mu.Unlock()
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

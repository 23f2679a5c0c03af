package fsx

import (
	"context"
	"sync"
	"sync/atomic"
)

// Each calls do with 0 to n-1, at most atOnce at a time. After an error, or when ctx has ended, it starts no more calls and
// waits for the running ones. It returns the error of the lowest number, or the cause of ctx.
func Each(ctx context.Context, n, atOnce int, do func(context.Context, int) error) error {
	return make(Places, atOnce).Each(ctx, n, do)
}

// Places limits how many calls run at once. Several callers of Each can share it.
type Places chan struct{}

// Use waits for a free place and calls do.
func (p Places) Use(do func() error) error {
	p <- struct{}{}
	defer func() { <-p }()
	return do()
}

// Each is [Each] with shared places.
func (p Places) Each(ctx context.Context, n int, do func(context.Context, int) error) error {
	errs := make([]error, n+1)
	var failed atomic.Bool
	var wait sync.WaitGroup
	for i := range n {
		p <- struct{}{}
		if failed.Load() || ctx.Err() != nil {
			<-p
			break
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer func() { <-p }()
			if errs[i] = do(ctx, i); errs[i] != nil {
				failed.Store(true)
			}
		}()
	}
	wait.Wait()
	errs[n] = context.Cause(ctx)
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

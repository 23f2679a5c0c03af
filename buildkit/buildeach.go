package buildkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
)

// BuildEach builds images, hands each to use, and closes it. The programs are
// compiled by as few go commands as their flags allow; then the images are made, and
// used, side by side, a few at a time. The error is that of the first image, in
// order, that has one; no image is begun after it.
func BuildEach(ctx context.Context, plans []Plan, report Report, use func(context.Context, *Built) error) error {
	if len(plans) == 1 {
		return buildOne(ctx, plans[0], report, use)
	}
	all, err := claimAll(ctx, plans, report.together())
	if err == nil {
		err = compileAll(ctx, all)
	}
	if err != nil {
		return errors.Join(err, discardAll(all))
	}
	err = each(ctx, all, sideBySide(plans), func(ctx context.Context, b *Built) error {
		if err := b.finish(ctx); err != nil {
			return fmt.Errorf("building image %q: %w", b.Plan.Name, errors.Join(err, b.abandon()))
		}
		return errors.Join(use(ctx, b), b.Close())
	})
	// Those that were not begun have a new program beside an old archive.
	return errors.Join(err, discardAll(all))
}

func buildOne(ctx context.Context, p Plan, report Report, use func(context.Context, *Built) error) error {
	b, err := p.Build(ctx, report)
	if err != nil {
		return err
	}
	return errors.Join(use(ctx, b), b.Close())
}

// sideBySide is how many images are made at once: an engine unpacks no more layers
// at a time than it has cores for, and a function of the user's runs alone.
func sideBySide(plans []Plan) int {
	if slices.ContainsFunc(plans, func(p Plan) bool { return p.config.After != nil }) {
		return 1
	}
	return min(4, max(2, runtime.NumCPU()))
}

// claimAll takes the folders of all images, in the order of their names: two runs
// that want the same ones do not wait for each other for ever.
func claimAll(ctx context.Context, plans []Plan, report Report) ([]*Built, error) {
	all := make([]*Built, len(plans))
	order := make([]int, len(plans))
	for i, p := range plans {
		order[i] = i
		all[i] = &Built{Plan: p, report: report, release: func() error { return nil }}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(plans[a].Name, plans[b].Name) })
	for _, i := range order {
		release, err := plans[i].Dist().claim(ctx)
		if err != nil {
			// None was changed yet, so nothing is discarded.
			errs := []error{fmt.Errorf("building image %q: %w", plans[i].Name, err)}
			for _, b := range all {
				errs = append(errs, b.release())
			}
			return nil, errors.Join(errs...)
		}
		all[i].release = release
	}
	return all, nil
}

// compileAll compiles the programs of all images, while their Configs are checked.
func compileAll(ctx context.Context, all []*Built) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	checked := make(chan error, 1)
	go func() {
		err := each(ctx, all, 1, func(ctx context.Context, b *Built) error { return b.check(ctx) })
		if err != nil {
			stop()
		}
		checked <- err
	}()
	compiled := compileGroups(ctx, all)
	if err := <-checked; err != nil && (compiled == nil || ctx.Err() != nil) {
		return err
	}
	return compiled
}

// compileGroups compiles what has to be compiled, and takes the rest.
func compileGroups(ctx context.Context, all []*Built) error {
	var compiled []*Built
	var requests []gobuild.Request
	for _, b := range all {
		if err := b.Plan.clear(); err != nil {
			return fmt.Errorf("building image %q: clearing the place of the program: %w", b.Plan.Name, err)
		}
		if b.Plan.Binary == "" {
			compiled, requests = append(compiled, b), append(requests, b.request())
		} else if err := b.take(ctx); err != nil {
			return fmt.Errorf("building image %q: %w", b.Plan.Name, err)
		}
	}
	if len(compiled) == 0 {
		return nil
	}
	first := compiled[0]
	done := first.report.step(first.Plan.Name, "compile", fmt.Sprintf("%d programs", len(compiled)))
	binaries, err := first.Plan.gocmd.BuildAll(ctx, string(first.Plan.Dist()), requests)
	done(fmt.Sprintf("%d programs for %s", len(compiled), first.Plan.Platform), err)
	if err != nil {
		return fmt.Errorf("building the images of %s: %w", filepath.Base(first.Plan.Root), err)
	}
	for i, b := range compiled {
		b.Binary = binaries[i]
	}
	return nil
}

// each does something with images, so many at once. After an error no more are
// begun; those under way come to their end. The error is the first in the order of
// the images.
func each(ctx context.Context, all []*Built, atOnce int, do func(context.Context, *Built) error) error {
	errs := make([]error, len(all)+1)
	slots := make(chan struct{}, atOnce)
	var failed atomic.Bool
	var wait sync.WaitGroup
	for i, b := range all {
		slots <- struct{}{}
		if failed.Load() || ctx.Err() != nil {
			break
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer func() { <-slots }()
			if errs[i] = do(ctx, b); errs[i] != nil {
				failed.Store(true)
			}
		}()
	}
	wait.Wait()
	errs[len(all)] = context.Cause(ctx)
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// discardAll removes what earlier builds have left for delivery, of images that are
// not closed yet.
func discardAll(all []*Built) error {
	var errs []error
	for _, b := range all {
		errs = append(errs, b.abandon())
	}
	return errors.Join(errs...)
}

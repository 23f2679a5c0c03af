package buildkit

import (
	"context"
	"errors"
	"fmt"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
)

// Result is a finished image. Its values do not change. It holds its folder in dist/ until Close, as its layers are read from there.
type Result struct {
	result.Result
	report Report
	hold   *hold
	keep   func() error // stores what the next build can use; nil if that is done, or must not be
}

// Note reports a note about a step of the build.
func (r *Result) Note(step, text string) { r.report.Note(r.Plan.Label(), step, text) }

// Close stores what the next build can use, and releases the folder in dist/. A second call does nothing.
func (r *Result) Close() error {
	if r.hold.closed {
		return nil
	}
	return errors.Join(r.keepOnce(), r.hold.close())
}

// keepOnce stores what the next build can use, unless that is done.
func (r *Result) keepOnce() error {
	keep := r.keep
	if r.keep = nil; keep == nil {
		return nil
	}
	return keep()
}

// doubt makes the next build do everything again, because something that this build has relied on was wrong.
func (r *Result) doubt() error {
	r.keep = nil
	return r.Plan.Dist().Forget()
}

// hold is the folder in dist/ of one image, which no other run may use meanwhile.
type hold struct {
	plan    Plan
	release func() error
	closed  bool
}

// claim waits for the folder of an image. The report says so if that takes long.
func claim(ctx context.Context, p Plan, report Report) (*hold, error) {
	release, err := p.Dist().Claim(ctx, func() {
		report.Note(p.Label(), "compile", fmt.Sprintf("waiting for another run that builds in %q", string(p.Dist())))
	})
	if err != nil {
		return nil, fmt.Errorf("building image %q: %w", p.Name, err)
	}
	return &hold{plan: p, release: release}, nil
}

// close releases the folder.
func (h *hold) close() error {
	h.closed = true
	return h.release()
}

// abandon removes what a failed build and earlier ones have left for delivery, and releases the folder.
func (h *hold) abandon() error {
	if h.closed {
		return nil
	}
	h.closed = true
	return errors.Join(h.plan.Dist().Discard(h.plan.Name), h.plan.DiscardGroup(), h.release())
}

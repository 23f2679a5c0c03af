package buildkit

import (
	"context"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dev"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
)

// Development containers, see package dev.
type (
	// Dev is a development container. Its program is replaced when its source changes.
	Dev = dev.Container
	// DevRequest says how a development container is run. [Result.Develop] sets Report and Compile.
	DevRequest = dev.Request
	// Watcher reports changes of the files that an image is made from.
	Watcher = dev.Watcher
)

// Develop runs the image, which the engine must have, in a development container. The caller must call Close of the result.
func (b *Result) Develop(ctx context.Context, engine *Engine, r DevRequest) (*Dev, error) {
	p := b.Plan
	r.Report = b.report
	r.Compile = func(ctx context.Context) (result.Program, error) { return compile.Again(ctx, p) }
	return dev.Start(ctx, engine, b.Result, r)
}

// Watch watches the files of an image, and others, until ctx ends. All changes since the run began are reported.
func Watch(ctx context.Context, p Plan, also []string) (*Watcher, error) {
	return dev.Watch(ctx, p, also)
}

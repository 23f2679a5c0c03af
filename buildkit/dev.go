package buildkit

import (
	"context"

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dev"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
)

// A development container, see package dev.
type (
	// Dev is a development container. Its program is replaced when its source changes.
	Dev = dev.Container
	// DevRequest says how a development container is run. [Result.Develop] sets Report and Compile.
	DevRequest = dev.Request
)

// ErrOtherImage reports that a development container cannot run the new program: it needs other libraries or files, and so another
// image.
var ErrOtherImage = dev.ErrOtherImage

// Develop runs the image, which the engine must have, in a development container. The caller must call Close of the result.
func (b *Result) Develop(ctx context.Context, engine *docker.Engine, r DevRequest) (*Dev, error) {
	p := b.Plan
	r.Report = b.report
	r.Compile = func(ctx context.Context) (result.Program, error) { return compile.Again(ctx, p) }
	return dev.Start(ctx, engine, b.Result, r)
}

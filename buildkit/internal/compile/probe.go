package compile

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/probe"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/usercache"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// compilerSettings are what the bytes of a program depend on besides its source and its platform.
var compilerSettings = []string{"GOVERSION", "GOEXPERIMENT", "GOFIPS140", "GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64"}

// Probe compiles the program that the health check starts, and returns its entry of the tree; none without a Probe in the Config. It is
// compiled by this machine's go command, also if the image's program is compiled elsewhere.
func Probe(ctx context.Context, p plan.Image) ([]rootfs.Entry, error) {
	if p.Probe == "" {
		return nil, nil
	}
	cache, err := usercache.Dir()
	if err != nil {
		return nil, &report.ConfigError{Err: err}
	}
	program := probe.Program
	settings, err := p.Host.Settings(ctx, compilerSettings...)
	if err != nil {
		return nil, fmt.Errorf("asking which compiler the probe of the health check is for: %w", err)
	}
	// Unlike a program of a development container, it is in the image's digest: another compiler's in the cache would be another image.
	program.Name += fmt.Sprintf("-%x", sha256.Sum256(fmt.Append(nil, settings)))[:17]
	content, err := program.Compile(ctx, p.Host, cache, p.Platform)
	if err != nil {
		return nil, fmt.Errorf("compiling the probe of the health check: %w", err)
	}
	return []rootfs.Entry{{
		Path: probe.Path, Mode: 0o755, Layer: rootfs.System, Reason: "probe of the health check " + p.Probe, Source: rootfs.Bytes(content),
	}}, nil
}

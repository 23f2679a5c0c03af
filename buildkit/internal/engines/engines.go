// Package engines opens the engines that one run uses, each when it is first needed: the
// one that images go into, one for bases and builders if images go elsewhere, and those
// that a Config names. It takes the environment, and gives out engines, platforms and the
// destination of images.
package engines

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/kind"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// Engines are the engines of a run. Its creator must close it.
type Engines struct {
	// Getenv returns a variable of the user's environment: IMAGE_OUTPUT, IMAGE_ENGINE_TIMEOUT, and those that choose the engine
	// of the docker command. Required.
	Getenv func(string) string
	// Elsewhere keeps images out of engines and clusters, whatever IMAGE_OUTPUT says.
	Elsewhere bool
	// ClusterOnly is Elsewhere unless IMAGE_OUTPUT names a cluster.
	ClusterOnly bool
	// Slow, if set, receives what a request has been waiting for. It may be called from any goroutine.
	Slow func(text string)

	guess guess // about the destination's platform

	mu          sync.Mutex
	destination *Destination              // nil before it is known
	side        *docker.Engine            // for bases and builders, if images do not go into an engine
	named       map[string]*docker.Engine // those in Builders of a Config, by address
}

// Check reads the variables, and opens no engine. A wrong value is a [*report.ConfigError].
func (e *Engines) Check() error {
	_, _, err := e.settings()
	return err
}

// settings reads the variables.
func (e *Engines) settings() (docker.Options, output, error) {
	o := docker.Options{Options: host.Options{Getenv: e.Getenv}}
	var err error
	if o.Waits, err = readWaits(e.Getenv); err != nil {
		return o, output{}, err
	}
	o.Waits.Slow = e.Slow
	to, err := readOutput(e.Getenv)
	if e.Elsewhere || e.ClusterOnly && to.kind != inCluster {
		to = output{kind: inArchive}
	}
	return o, to, err
}

// noticeShare divides an engine's time: after that part of it, Slow is told what the run is waiting for.
const noticeShare = 4

// readWaits reads IMAGE_ENGINE_TIMEOUT, the time that an engine may take to answer.
func readWaits(getenv func(string) string) (docker.Waits, error) {
	value := getenv("IMAGE_ENGINE_TIMEOUT")
	if value == "" {
		return docker.Waits{}, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return docker.Waits{}, &report.ConfigError{Err: fmt.Errorf("IMAGE_ENGINE_TIMEOUT is %q\nfix: set it to a duration like 5m, or unset it", value)}
	}
	return docker.Waits{Answer: d, Notice: max(d/noticeShare, time.Millisecond)}, nil
}

// Destination returns where images go. An engine that cannot be reached is no error:
// Destination.Missing says why there is none, for callers that need one.
func (e *Engines) Destination(ctx context.Context) (Destination, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.destination != nil {
		return *e.destination, nil
	}
	o, to, err := e.settings()
	d := Destination{kind: to.kind}
	if err != nil || d.kind == inArchive {
		return d, err
	}
	engine, err := docker.Open(ctx, o)
	var unreachable *host.UnreachableError
	switch {
	case errors.As(err, &unreachable):
		d.Missing = err
	case err != nil:
		return Destination{}, classify(err)
	default:
		d.Engine = engine
	}
	if d.Engine != nil && d.kind == inCluster {
		if d.Cluster, err = findCluster(ctx, engine, to.cluster); err != nil {
			return Destination{}, errors.Join(err, engine.Close())
		}
	}
	e.destination = &d
	return d, nil
}

// classify returns an error of [docker.Open] with whose fault it is.
func classify(err error) error {
	var config *host.ConfigError
	if errors.As(err, &config) {
		return &report.ConfigError{Err: err}
	}
	return &report.EngineError{Err: err}
}

// findCluster finds a kind cluster by its name.
func findCluster(ctx context.Context, engine *docker.Engine, name string) (*kind.Cluster, error) {
	cluster, err := kind.Find(ctx, engine, name)
	var none *kind.NoClusterError
	switch {
	case errors.As(err, &none):
		return nil, &report.ConfigError{Err: err}
	case err != nil:
		return nil, &report.EngineError{Err: err}
	}
	return cluster, nil
}

// Platform returns the platform of the engine, or of the cluster's nodes, and its origin for people. Without an engine it
// returns the zero Platform, or an error if a chosen engine cannot be reached.
//
// last, if not nil, returns the platform of an origin in the last run. Platform then assumes that the engine still has
// that; Confirm says whether it does.
func (e *Engines) Platform(ctx context.Context, last func(origin string) (platform.Platform, bool)) (platform.Platform, string, error) {
	d, err := e.Destination(ctx)
	if err != nil {
		return platform.Platform{}, "", err
	}
	if d.Engine == nil {
		return platform.Platform{}, "", d.unknownPlatform()
	}
	ask, origin := d.Engine.Platform, "engine at "+d.Engine.Host()
	if d.Cluster != nil {
		ask, origin = d.Cluster.Platform, fmt.Sprintf("nodes of the kind cluster %q", d.Cluster.Name)
	} else if last != nil {
		if p, ok := last(origin); ok && e.guess.start(ctx, d.Engine, p) {
			return p, origin, nil
		}
	}
	p, err := ask(ctx)
	if err != nil {
		return platform.Platform{}, "", &report.EngineError{Err: err}
	}
	return p, origin, nil
}

// Choose returns the one of several platforms that the engine runs. last is that of [Engines.Platform].
func (e *Engines) Choose(ctx context.Context, list []platform.Platform, last func(origin string) (platform.Platform, bool)) (platform.Platform, error) {
	machine, from, err := e.Platform(ctx, last)
	if err != nil {
		return platform.Platform{}, err
	}
	if p, ok := platform.Best(machine, list); ok {
		return p, nil
	}
	var names []string
	for _, p := range list {
		names = append(names, p.String())
	}
	return platform.Platform{}, &report.ConfigError{Err: fmt.Errorf("the image is for %s, but the %s runs %s\nfix: add %s to Platforms, or select one platform with IMAGE_PLATFORM=%s",
		strings.Join(names, ", "), from, machine, machine, names[0])}
}

// Confirm waits for the engine's answer, if Platform has assumed one, and returns an error if it is another.
func (e *Engines) Confirm() error { return e.guess.confirm() }

// ToRun returns the engine that images go into, for a target that runs them there. If they do not go into an engine, it fails.
func (e *Engines) ToRun(ctx context.Context, target string) (*docker.Engine, error) {
	_, to, err := e.settings()
	if err != nil {
		return nil, err
	}
	if to.kind == inCluster {
		return nil, &report.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q, but %s runs the image in the engine\nfix: unset IMAGE_OUTPUT or set it to docker; in a cluster, start a pod",
			e.Getenv("IMAGE_OUTPUT"), target)}
	}
	d, err := e.Destination(ctx)
	switch {
	case err != nil:
		return nil, err
	case d.Missing != nil:
		return nil, &report.EngineError{Err: d.Missing}
	case d.Engine == nil:
		return nil, &report.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q, but %s needs an engine\nfix: unset IMAGE_OUTPUT", to.kind, target)}
	}
	return d.Engine, nil
}

// Any returns an engine even if images do not go into one: the one that they would go into. If that
// cannot be reached, the error says why.
func (e *Engines) Any(ctx context.Context) (*docker.Engine, error) {
	d, err := e.Destination(ctx)
	if err != nil {
		return nil, err
	}
	if d.Engine != nil || d.Missing != nil {
		return d.Engine, d.Missing
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.side == nil {
		o, _, err := e.settings()
		if err != nil {
			return nil, err
		}
		e.side, err = docker.Open(ctx, o)
		var config *host.ConfigError
		if errors.As(err, &config) {
			return nil, &report.ConfigError{Err: err}
		}
		return e.side, err
	}
	return e.side, nil
}

// AnyReachable is Any, but returns nil if no engine can be reached.
func (e *Engines) AnyReachable(ctx context.Context) (*docker.Engine, error) {
	engine, err := e.Any(ctx)
	var unreachable *host.UnreachableError
	if errors.As(err, &unreachable) {
		return nil, nil
	}
	return engine, err
}

// At returns the engine with an address or with the name of a docker context.
func (e *Engines) At(ctx context.Context, address string) (*docker.Engine, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if engine := e.named[address]; engine != nil {
		return engine, nil
	}
	o, _, err := e.settings()
	if err != nil {
		return nil, err
	}
	o.Host, o.Origin = address, "Build.Engines"
	if !strings.Contains(address, "://") {
		o.Host, o.Context = "", address
	}
	engine, err := docker.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if e.named == nil {
		e.named = map[string]*docker.Engine{}
	}
	e.named[address] = engine
	return engine, nil
}

// Close closes all engines.
func (e *Engines) Close() error {
	_ = e.guess.confirm() // it must not ask a closed engine
	engines := append(slices.Collect(maps.Values(e.named)), e.side)
	if e.destination != nil {
		engines = append(engines, e.destination.Engine)
	}
	var errs []error
	for _, engine := range engines {
		if engine != nil {
			errs = append(errs, engine.Close())
		}
	}
	return errors.Join(errs...)
}

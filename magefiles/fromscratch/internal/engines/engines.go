// Package engines opens the engines that one run uses, each when it is first needed: the
// one that images go into, one for bases and builders if images go elsewhere, and those
// that a Config names. It takes options and the output, and gives out engines, platforms
// and the destination of images.
package engines

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/docker/kind"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/settings"
)

// Engines are the engines of a run. Its creator must close it.
type Engines struct {
	options docker.Options
	output  settings.Output
	guess   guess // about the destination's platform

	mu          sync.Mutex
	destination *Destination              // nil before it is known
	side        *docker.Engine            // for bases and builders, if images do not go into an engine
	named       map[string]*docker.Engine // those in Builders of a Config, by address
}

// New returns the engines for an output. It opens none.
func New(o docker.Options, output settings.Output) *Engines {
	return &Engines{options: o, output: output, named: map[string]*docker.Engine{}}
}

// Destination returns where images go. An engine that cannot be reached is no error:
// Destination.Missing says why there is none, for callers that need one.
func (e *Engines) Destination(ctx context.Context) (Destination, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.destination != nil {
		return *e.destination, nil
	}
	d := Destination{Kind: e.output.Kind}
	if d.Kind == settings.Archive {
		return d, nil
	}
	engine, err := docker.Open(ctx, e.options)
	var unreachable *host.UnreachableError
	switch {
	case errors.As(err, &unreachable):
		d.Missing = err
	case err != nil:
		return Destination{}, classify(err)
	default:
		d.Engine = engine
	}
	if d.Engine != nil && d.Kind == settings.Cluster {
		if d.Cluster, err = findCluster(ctx, engine, e.output.Cluster); err != nil {
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
		return &buildkit.ConfigError{Err: err}
	}
	return &buildkit.EngineError{Err: err}
}

// findCluster finds a kind cluster by its name.
func findCluster(ctx context.Context, engine *docker.Engine, name string) (*kind.Cluster, error) {
	cluster, err := kind.Find(ctx, engine, name)
	var none *kind.NoClusterError
	switch {
	case errors.As(err, &none):
		return nil, &buildkit.ConfigError{Err: err}
	case err != nil:
		return nil, &buildkit.EngineError{Err: err}
	}
	return cluster, nil
}

// Platform returns the platform of the engine, or of the cluster's nodes, and its origin for people. Without an engine it
// returns the zero Platform, or an error if a chosen engine cannot be reached.
//
// last, if not nil, returns the platform of an origin in the last run. Platform then assumes that the engine still has
// that; Confirm says whether it does.
func (e *Engines) Platform(ctx context.Context, last func(origin string) (buildkit.Platform, bool)) (buildkit.Platform, string, error) {
	d, err := e.Destination(ctx)
	if err != nil {
		return buildkit.Platform{}, "", err
	}
	if d.Engine == nil {
		return buildkit.Platform{}, "", d.unknownPlatform()
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
		return buildkit.Platform{}, "", &buildkit.EngineError{Err: err}
	}
	return p, origin, nil
}

// Confirm waits for the engine's answer, if Platform has assumed one, and returns an error if it is another.
func (e *Engines) Confirm() error { return e.guess.confirm() }

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
		e.side, err = docker.Open(ctx, e.options)
		var config *host.ConfigError
		if errors.As(err, &config) {
			return nil, &buildkit.ConfigError{Err: err}
		}
	}
	return e.side, err
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
	o := e.options
	o.Host, o.Origin = address, "Builders"
	if !strings.Contains(address, "://") {
		o.Host, o.Context = "", address
	}
	engine, err := docker.Open(ctx, o)
	if err != nil {
		return nil, err
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

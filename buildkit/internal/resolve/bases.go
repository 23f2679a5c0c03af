package resolve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/base"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/usercache"
)

// Bases says where base images are looked for.
type Bases struct {
	// Engine returns the Docker Engine that is asked before the registry. nil, or a nil Engine, means none.
	Engine func(ctx context.Context) (*docker.Engine, error)
	// RegistryFirst asks the registry before the engine. Images that are pushed or written as a layout need it: only the
	// registry's manifest gives them the same digest on every machine.
	RegistryFirst bool
	// Cache is the folder for layers of base images, for all modules. Default: see [usercache.Dir].
	Cache string
}

// findBases finds the bases of all images, each once. A missing base is not an error here: people can read a plan without it.
func (in Inputs) findBases(ctx context.Context, m gobuild.Module, subjects []subject) error {
	type answer struct {
		base *base.Base
		err  error
	}
	found := map[base.Request]answer{}
	for i, s := range subjects {
		if s.config.Base == "" || s.config.Base == plan.NoBase {
			continue
		}
		r := base.Request{Reference: s.config.Base, Dir: m.Dir, Platform: s.platform}
		if _, ok := found[r]; !ok {
			b, err := in.findBase(ctx, s, r)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			found[r] = answer{b, err}
		}
		subjects[i].base, subjects[i].baseErr = found[r].base, found[r].err
	}
	return nil
}

// findBase finds a base. If a registry or an engine fails, the error is a [*report.EngineError], otherwise a
// [*report.ConfigError].
func (in Inputs) findBase(ctx context.Context, s subject, r base.Request) (*base.Base, error) {
	finder, err := in.finder()
	if err != nil {
		return nil, err
	}
	done := in.Report.Step(s.label(), "base", "finding "+r.Reference)
	b, err := finder.Find(ctx, r)
	if err != nil {
		done("", err)
		err = fmt.Errorf("the Base of the Config (%s): %w", s.config.Origin, err)
		var remote *base.RemoteError
		if errors.As(err, &remote) {
			return nil, &report.EngineError{Err: err}
		}
		return nil, &report.ConfigError{Err: err}
	}
	done(fmt.Sprintf("%s (%s), found in %s", r.Reference, b.Digest, b.From), nil)
	if b.Instead != nil {
		why := strings.ReplaceAll(b.Instead.Error(), "\n", "; ")
		in.Report.Note(s.label(), "base", fmt.Sprintf("warning: %s is that of the engine, as the registry does not give it: %s. Its layers are compressed anew, so what is made here may have another digest than elsewhere",
			r.Reference, why))
	}
	return b, nil
}

// SameBase reports whether the name of an image's base still means the same base. It is false if that is unknown: the build will
// report why. b is nil for scratch.
func (o Opened) SameBase(ctx context.Context, b *state.Base) bool {
	if b == nil {
		return true
	}
	finder, err := o.in.finder()
	if err != nil {
		return false
	}
	id, err := finder.Identify(ctx, b.Request)
	return err == nil && id == b.ID
}

// finder returns what looks for bases.
func (in Inputs) finder() (base.Finder, error) {
	cache := in.Bases.Cache
	if cache == "" {
		var err error
		if cache, err = usercache.Dir(); err != nil {
			return base.Finder{}, err
		}
	}
	return base.Finder{
		Cache: filepath.Join(cache, "bases"), Credentials: registry.Credentials{Getenv: in.getenv}, RegistryFirst: in.Bases.RegistryFirst,
		CAFile: in.getenv("IMAGE_REGISTRY_CA"), PlainHTTP: plan.Fields(in.getenv("IMAGE_REGISTRY_HTTP")),
		Engine: func(ctx context.Context) (base.Engine, error) {
			if in.Bases.Engine == nil {
				return nil, nil
			}
			engine, err := in.Bases.Engine(ctx)
			if err != nil || engine == nil {
				return nil, err
			}
			return baseEngine{engine}, nil
		},
	}, nil
}

// baseEngine is a Docker Engine as a [base.Engine].
type baseEngine struct{ engine *docker.Engine }

func (e baseEngine) Base(ctx context.Context, ref string) (string, image.Platform, bool, error) {
	img, found, err := e.engine.Image(ctx, ref)
	return img.ID, img.Platform, found && img.Complete, err
}

func (e baseEngine) Save(ctx context.Context, ref string, w io.Writer) error {
	return e.engine.Save(ctx, ref, w)
}

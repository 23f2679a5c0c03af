package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/base"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	"github.com/fromscratch-go/fromscratch/buildkit/registry"
)

// baseRequest is the base of a Config.
func baseRequest(dir string, c Config, p Platform) base.Request {
	return base.Request{Reference: c.Base, Dir: dir, Platform: p}
}

// findBases finds the bases of all images, each once. That one is not there is not an
// error yet: a plan without it can be read.
func (in Inputs) findBases(ctx context.Context, m gobuild.Module, subjects []subject) error {
	type result struct {
		base *base.Base
		err  error
	}
	found := map[base.Request]result{}
	for i, s := range subjects {
		if s.config.Base == "" || s.config.Base == plan.NoBase {
			continue
		}
		r := baseRequest(m.Dir, s.config, s.platform)
		if _, ok := found[r]; !ok {
			b, err := in.findBase(ctx, s, r)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			found[r] = result{b, err}
		}
		subjects[i].base, subjects[i].baseErr = found[r].base, found[r].err
	}
	return nil
}

// findBase finds a base, and says whose mistake it is that there is none.
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
			return nil, &EngineError{Err: err}
		}
		return nil, &ConfigError{Err: err}
	}
	done(fmt.Sprintf("%s (%s), found in %s", r.Reference, b.Digest, b.From), nil)
	if b.Instead != nil {
		why := strings.ReplaceAll(b.Instead.Error(), "\n", "; ")
		in.Report.Note(s.label(), "base", fmt.Sprintf("warning: %s is that of the engine, as the registry does not give it: %s. Its layers are compressed anew, so what is made here may have another digest than elsewhere",
			r.Reference, why))
	}
	return b, nil
}

// finder is what looks for bases.
func (in Inputs) finder() (base.Finder, error) {
	cache := in.Cache
	if cache == "" {
		var err error
		if cache, err = UserCache(); err != nil {
			return base.Finder{}, err
		}
	}
	return base.Finder{
		Cache: filepath.Join(cache, "bases"), Credentials: registry.Credentials{Getenv: in.getenv}, RegistryFirst: in.RegistryFirst,
		CAFile: in.getenv("IMAGE_REGISTRY_CA"), PlainHTTP: split(in.getenv("IMAGE_REGISTRY_HTTP")),
		Engine: func(ctx context.Context) (base.Engine, error) {
			if in.Engine == nil {
				return nil, nil
			}
			engine, err := in.Engine(ctx)
			if err != nil || engine == nil {
				return nil, err
			}
			return engineOfBases{engine}, nil
		},
	}, nil
}

// engineOfBases is an engine in the words of the room for bases.
type engineOfBases struct{ engine *docker.Engine }

func (e engineOfBases) Base(ctx context.Context, ref string) (string, image.Platform, bool, error) {
	img, found, err := e.engine.Image(ctx, ref)
	return img.ID, img.Platform, found && img.Complete, err
}

func (e engineOfBases) Save(ctx context.Context, ref string, w io.Writer) error {
	return e.engine.Save(ctx, ref, w)
}

// SameBase tells whether the base's name still means what the image was put on. Where
// that cannot be told, the build will say why.
func (d Deliverable) SameBase(ctx context.Context, in Inputs) bool {
	if d.base == nil {
		return true
	}
	finder, err := in.finder()
	if err != nil {
		return false
	}
	id, err := finder.Identify(ctx, d.base.Request)
	return err == nil && id == d.base.ID
}

func baseMemory(p Plan) *state.Base {
	if p.Base == nil {
		return nil
	}
	return &state.Base{Request: base.Request{Reference: p.BaseName, Dir: p.Module.Dir, Platform: p.Platform}, ID: p.Base.ID}
}

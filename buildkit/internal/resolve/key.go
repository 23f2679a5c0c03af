package resolve

import (
	"context"
	"fmt"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/expand"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
)

// key returns the key of the state, see [state.Key]. It is "" if the run keeps none, and if an engine does not have the image of a
// Builder yet.
func (in Inputs) key(ctx context.Context) (string, error) {
	if in.Began.IsZero() {
		return "", nil
	}
	builders, known, err := in.builderIDs(ctx)
	if err != nil || !known {
		return "", err
	}
	configs := slices.Clone(in.Configs)
	for i, c := range configs {
		if !expand.Has(c) || in.excluded(c) {
			continue
		}
		// What git and the environment say is an input. An error is reported when the value is needed.
		if configs[i], err = in.expand(ctx, c, expand.Values{Name: likelyName(c), Platform: "all"}); err != nil {
			return "", ctx.Err()
		}
	}
	return state.Key(state.Inputs{
		Dir: in.Dir, Configs: configs, Environ: in.Environ, Choose: in.Choose != nil && in.several(), Builders: builders,
	}), nil
}

// builderIDs asks the engines for the images of all Builders. known is false if one is not there. It pulls nothing.
func (in Inputs) builderIDs(ctx context.Context) (ids []string, known bool, err error) {
	for _, c := range in.Configs {
		if c.Build.Container == "" || in.excluded(c) {
			continue
		}
		list, _, _, err := in.platforms(ctx, c)
		if err != nil {
			return nil, false, err
		}
		for _, p := range list {
			engine, img, found, err := in.Builders.Image(ctx, c, p)
			if err != nil || !found {
				return nil, false, err
			}
			ids = append(ids, fmt.Sprintf("%s at %s", img.ID, engine.Host()))
		}
	}
	return ids, true, nil
}

// several reports whether there may be an image with more than one platform.
func (in Inputs) several() bool {
	return len(plan.Fields(in.getenv("IMAGE_PLATFORM"))) > 1 ||
		slices.ContainsFunc(in.Configs, func(c config.Config) bool { return len(c.Platforms) > 1 })
}

// expand evaluates the templates of a Config. It leaves out those whose value the environment replaces.
func (in Inputs) expand(ctx context.Context, c config.Config, v expand.Values) (config.Config, error) {
	v.Git, v.Environ = in.git, in.Environ
	if len(c.Tags) > 0 && in.getenv("IMAGE_TAG") != "" {
		c.Tags = append(config.Tags{""}, c.Tags[1:]...)
	}
	if in.getenv("SOURCE_DATE_EPOCH") != "" {
		c.Created = ""
	}
	return expand.Config(ctx, c, v)
}

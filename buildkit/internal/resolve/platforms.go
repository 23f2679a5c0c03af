package resolve

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// platforms returns the platforms of an image, and the setting that chose them: the environment, the Config, the engine, or else
// the host. of is the number of platforms that the image has, even if only one of them is returned because of Choose.
func (in Inputs) platforms(ctx context.Context, c config.Config) (list []platform.Platform, of int, from string, err error) {
	if s := in.getenv("IMAGE_PLATFORM"); s != "" {
		list, err = parsePlatforms(plan.Fields(s), "env IMAGE_PLATFORM")
		if err == nil && len(list) == 0 {
			err = &report.ConfigError{Err: fmt.Errorf("IMAGE_PLATFORM is %q, which names no platform\nfix: set it to linux/amd64, or to several with commas, or unset it", s)}
		}
		return in.chosen(ctx, list, "env IMAGE_PLATFORM", err)
	}
	if len(c.Platforms) > 0 {
		list, err = parsePlatforms(c.Platforms, c.Origin)
		return in.chosen(ctx, list, c.Origin, err)
	}
	if in.EnginePlatform != nil {
		p, from, err := in.EnginePlatform(ctx)
		if err != nil || p.Architecture != "" {
			return []platform.Platform{p}, 1, from, err
		}
	}
	return []platform.Platform{{OS: "linux", Architecture: runtime.GOARCH}}, 1, "host", nil
}

// chosen applies Choose to several platforms.
func (in Inputs) chosen(ctx context.Context, list []platform.Platform, from string, err error) ([]platform.Platform, int, string, error) {
	if err != nil || in.Choose == nil || len(list) < 2 {
		return list, len(list), from, err
	}
	p, err := in.Choose(ctx, list)
	return []platform.Platform{p}, len(list), from, err
}

// parsePlatforms parses the names of platforms, and drops duplicates.
func parsePlatforms(names []string, from string) ([]platform.Platform, error) {
	var list []platform.Platform
	for _, name := range names {
		p, err := platform.Parse(name)
		if err != nil {
			return nil, &report.ConfigError{Err: fmt.Errorf("reading the platform (%s): %w", from, err)}
		}
		if !slices.ContainsFunc(list, func(q platform.Platform) bool { return platform.Same(p, q) }) {
			list = append(list, p)
		}
	}
	return list, nil
}

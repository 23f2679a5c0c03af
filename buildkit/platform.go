package buildkit

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// Platform is what an image runs on; its operating system is always linux.
type Platform = platform.Platform

// ParsePlatform reads "linux/arch[/variant]", see [platform.Parse].
func ParsePlatform(s string) (Platform, error) { return platform.Parse(s) }

// Runs returns the platform of a list that a machine runs best, see [platform.Best].
func Runs(machine Platform, list []Platform) (best Platform, ok bool) {
	return platform.Best(machine, list)
}

// platforms decides what an image runs on, and says where that was told: the
// environment, the Config, the engine, and without any of them the host. of is how
// many platforms the image has; where only one can be made use of, that one is
// returned.
func (in Inputs) platforms(ctx context.Context, c Config) (list []Platform, of int, from string, err error) {
	if s := in.getenv("IMAGE_PLATFORM"); s != "" {
		list, err = namedPlatforms(split(s), "env IMAGE_PLATFORM")
		if err == nil && len(list) == 0 {
			err = &ConfigError{Err: fmt.Errorf("IMAGE_PLATFORM is %q, which names no platform\nfix: set it to linux/amd64, or to several with commas, or unset it", s)}
		}
		return in.chosen(ctx, list, "env IMAGE_PLATFORM", err)
	}
	if c.Platform != "" && len(c.Platforms) > 0 {
		return nil, 0, "", &ConfigError{Err: fmt.Errorf("the Config (%s) has both Platform and Platforms\nfix: leave one of the two out", c.Origin)}
	}
	if names := append(slices.Clone(c.Platforms), only(c.Platform)...); len(names) > 0 {
		list, err = namedPlatforms(names, c.Origin)
		return in.chosen(ctx, list, c.Origin, err)
	}
	if in.EnginePlatform != nil {
		p, origin, err := in.EnginePlatform(ctx)
		if err != nil || p.Architecture != "" {
			return []Platform{p}, 1, origin, err
		}
	}
	return []Platform{{OS: "linux", Architecture: runtime.GOARCH}}, 1, "host", nil
}

// only is a list of one name, or of none.
func only(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

// chosen leaves one of several platforms, where only one is of use.
func (in Inputs) chosen(ctx context.Context, list []Platform, from string, err error) ([]Platform, int, string, error) {
	if err != nil || in.Choose == nil || len(list) < 2 {
		return list, len(list), from, err
	}
	p, err := in.Choose(ctx, list)
	return []Platform{p}, len(list), from, err
}

// namedPlatforms are the platforms that the user has named, each once.
func namedPlatforms(names []string, from string) ([]Platform, error) {
	var list []Platform
	for _, name := range names {
		p, err := platform.Parse(name)
		if err != nil {
			return nil, &ConfigError{Err: fmt.Errorf("reading the platform (%s): %w", from, err)}
		}
		if !slices.ContainsFunc(list, func(q Platform) bool { return platform.Same(p, q) }) {
			list = append(list, p)
		}
	}
	return list, nil
}

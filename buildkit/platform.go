package buildkit

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/image"
)

// Platform is what an image runs on; its operating system is always linux.
type Platform = image.Platform

// architectures are the values of GOARCH that the Go toolchain builds for linux
// ("go tool dist list").
var architectures = []string{
	"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x",
}

// ParsePlatform reads "os/arch[/variant]" as in the OCI image specification
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md), where the
// architecture is a GOARCH and the variant says more: "linux/arm/v7". The name of
// an architecture alone is linux on it.
func ParsePlatform(s string) (Platform, error) {
	parts := strings.Split(s, "/")
	if len(parts) == 1 {
		parts = []string{"linux", parts[0]}
	}
	if len(parts) > 3 || parts[0] != "linux" || !slices.Contains(architectures, parts[1]) {
		return Platform{}, fmt.Errorf("platform %q is not linux/ARCH or linux/ARCH/VARIANT\nfix: use linux/amd64, linux/arm64, linux/arm/v7 …; ARCH is one of %s",
			s, strings.Join(architectures, ", "))
	}
	p := Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}

// platforms decides what an image runs on, and says where that was told: the
// environment, the Config, the engine, and without any of them the host. of is how
// many platforms the image has; where only one can be made use of, that one is
// returned.
func (in Inputs) platforms(ctx context.Context, c Config) (list []Platform, of int, from string, err error) {
	if s := in.getenv("IMAGE_PLATFORM"); s != "" {
		list, err = namedPlatforms(split(s), "env IMAGE_PLATFORM")
		if err == nil && len(list) == 0 {
			err = &ConfigError{fmt.Errorf("IMAGE_PLATFORM is %q, which names no platform\nfix: set it to linux/amd64, or to several with commas, or unset it", s)}
		}
		return in.chosen(ctx, list, "env IMAGE_PLATFORM", err)
	}
	if c.Platform != "" && len(c.Platforms) > 0 {
		return nil, 0, "", &ConfigError{fmt.Errorf("the Config (%s) has both Platform and Platforms\nfix: leave one of the two out", c.Origin)}
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

// same tells whether two platforms are one: engines and registries take a variant that is
// not said for the usual one (Normalize in https://github.com/containerd/platforms), and so
// does the go command.
func same(a, b Platform) bool {
	a.Variant, b.Variant = variant(a), variant(b)
	return a == b
}

// variant is that of a platform, or the usual one where none is said.
func variant(p Platform) string {
	usual := map[string]string{"amd64": "v1", "arm": "v7", "arm64": "v8"}
	return cmp.Or(p.Variant, usual[p.Architecture])
}

// namedPlatforms are the platforms that the user has named, each once.
func namedPlatforms(names []string, from string) ([]Platform, error) {
	var list []Platform
	for _, name := range names {
		p, err := ParsePlatform(name)
		if err != nil {
			return nil, &ConfigError{fmt.Errorf("reading the platform (%s): %w", from, err)}
		}
		if !slices.ContainsFunc(list, func(q Platform) bool { return same(p, q) }) {
			list = append(list, p)
		}
	}
	return list, nil
}

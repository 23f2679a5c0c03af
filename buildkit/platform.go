package buildkit

import (
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

// platform decides what an image runs on, and says where that was told: the
// environment, the Config, the engine, and without any of them the host.
func (in Inputs) platform(ctx context.Context, c Config) (Platform, string, error) {
	if s := in.getenv("IMAGE_PLATFORM"); s != "" {
		return namedPlatform(s, "env IMAGE_PLATFORM")
	}
	if c.Platform != "" {
		return namedPlatform(c.Platform, c.Origin)
	}
	if in.EnginePlatform != nil {
		p, origin, err := in.EnginePlatform(ctx)
		if err != nil || p.Architecture != "" {
			return p, origin, err
		}
	}
	return Platform{OS: "linux", Architecture: runtime.GOARCH}, "host", nil
}

// namedPlatform is the platform that the user has named.
func namedPlatform(s, origin string) (Platform, string, error) {
	p, err := ParsePlatform(s)
	if err != nil {
		return Platform{}, "", &ConfigError{fmt.Errorf("reading the platform (%s): %w", origin, err)}
	}
	return p, origin, nil
}

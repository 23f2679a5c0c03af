// Package platform names what an image runs on: it parses, compares and chooses platforms.
package platform

import (
	"fmt"
	"slices"
	"strings"
)

// Platform is an operating system, an architecture and its variant, in Go's words.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties
type Platform struct {
	OS           string // as in GOOS: always "linux" for an image. Default: "linux"
	Architecture string // as in GOARCH: "amd64", "arm64". There is no default
	Variant      string // of the architecture: "v7" for arm with GOARM=7; empty for none
}

// String writes a platform as Docker does: "linux/arm/v7".
func (p Platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// Architectures are the values of GOARCH that the Go toolchain builds for linux ("go tool dist list"), sorted.
var Architectures = []string{
	"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x",
}

// Parse reads "linux/arch[/variant]", where arch is a GOARCH: "linux/arm/v7"
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties). The name of an architecture alone means
// linux on it. The error says what is allowed.
func Parse(s string) (Platform, error) {
	parts := strings.Split(s, "/")
	if len(parts) == 1 {
		parts = []string{"linux", parts[0]}
	}
	if len(parts) > 3 || parts[0] != "linux" || !slices.Contains(Architectures, parts[1]) {
		return Platform{}, fmt.Errorf("platform %q is not linux/ARCH or linux/ARCH/VARIANT\nfix: use linux/amd64, linux/arm64, linux/arm/v7 …; ARCH is one of %s",
			s, strings.Join(Architectures, ", "))
	}
	p := Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}

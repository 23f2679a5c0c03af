package base

import (
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// fits tells whether an image of one platform may be put under one of another.
func fits(base, wanted image.Platform) bool { return rank(base, wanted) > 0 }

// rank is how well a platform is what is wanted: 0 is not at all, more is better. Variants are downward compatible
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#platform-variants): on linux/arm/v7 runs what is for v6,
// and arm64 is v8 where nothing is said. A program for arm without a variant is one for v7, as the go command makes it; of a
// base without one it is not known what it is for.
func rank(base, wanted image.Platform) int {
	if base.OS != wanted.OS || base.Architecture != wanted.Architecture {
		return 0
	}
	b, w := variant(base), variant(wanted)
	if wanted.Architecture == "arm" && w == "" {
		w = "v7"
	}
	switch {
	case b == w:
		return 100
	case w == "":
		return 50 // nothing is wanted: what is there is as good
	case b == "":
		return 40
	case b < w: // "v5" < "v6" < "v7"
		return 1 + int(b[len(b)-1]-'0')
	}
	return 0
}

func variant(p image.Platform) string {
	if p.Architecture == "arm64" && p.Variant == "v8" || p.Architecture == "amd64" && p.Variant == "v1" {
		return ""
	}
	return p.Variant
}

func platformOf(p *ocispec.Platform) image.Platform {
	return image.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
}

// wrongPlatform is the error for a base that is for others.
func wrongPlatform(there []image.Platform, wanted image.Platform) error {
	var names []string
	for _, p := range there {
		names = append(names, p.String())
	}
	slices.Sort(names)
	return plaintext.Errorf("it is for %s, and the image is for %s\nfix: set Platform to one of these, or take a base that has %s",
		strings.Join(slices.Compact(names), ", "), wanted, wanted)
}

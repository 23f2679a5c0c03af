package base

import (
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

func platformOf(p *ocispec.Platform) image.Platform {
	return image.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
}

// wrongPlatform returns the error for a base that only has other platforms.
func wrongPlatform(there []image.Platform, wanted image.Platform) error {
	var names []string
	for _, p := range there {
		names = append(names, p.String())
	}
	slices.Sort(names)
	return plaintext.Errorf("it is for %s, and the image is for %s\nfix: set Platform to one of these, or take a base that has %s",
		listed(slices.Compact(names)), wanted, wanted)
}

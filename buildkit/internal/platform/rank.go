package platform

// Fits reports whether an image of one platform can be the base of an image of another one.
func Fits(base, wanted Platform) bool { return Rank(base, wanted) > 0 }

// Rank returns how well a base's platform fits the wanted one: 0 means not at all, more is better. Variants are downward
// compatible (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#platform-variants): linux/arm/v7 runs what is for
// v6, and arm64 without a variant is v8. A program for arm without a variant is for v7, as the go command makes it. A base
// for arm without a variant may be for any.
func Rank(base, wanted Platform) int {
	if base.OS != wanted.OS || base.Architecture != wanted.Architecture {
		return 0
	}
	b, w := unusual(base), unusual(wanted)
	if wanted.Architecture == "arm" && w == "" {
		w = "v7"
	}
	switch {
	case b == w:
		return 100
	case w == "":
		return 50 // no variant is wanted: all are equally good
	case b == "":
		return 40
	case b < w: // "v5" < "v6" < "v7"
		return 1 + int(b[len(b)-1]-'0')
	}
	return 0
}

// unusual returns the variant of a platform, "" for the usual one of arm64 and amd64.
func unusual(p Platform) string {
	if p.Architecture == "arm64" && p.Variant == "v8" || p.Architecture == "amd64" && p.Variant == "v1" {
		return ""
	}
	return p.Variant
}

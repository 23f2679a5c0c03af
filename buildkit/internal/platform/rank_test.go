package platform

import (
	"strings"
	"testing"
)

func platformNamed(name string) Platform {
	parts := append(strings.Split(name, "/"), "")
	return Platform{OS: "linux", Architecture: parts[0], Variant: parts[1]}
}

// Rank prefers the base with the nearest variant, and refuses higher ones.
func TestRank(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ wanted, bases, want string }{
		{"arm", "arm/v5 arm/v6 arm/v7", "arm/v7"}, // the go command compiles for v7
		{"arm", "arm/v5 arm/v6", "arm/v6"},
		{"arm", "arm/v6 arm", "arm"},
		{"arm/v7", "arm/v6 arm/v7 arm", "arm/v7"},
		{"arm/v6", "arm/v7 arm/v6 arm/v5", "arm/v6"},
		{"arm/v6", "arm/v7", ""},
		{"arm64", "arm arm/v7 arm64/v8", "arm64/v8"},
		{"amd64", "amd64/v3 amd64", "amd64"},
		{"amd64/v3", "amd64 amd64/v2 amd64/v4", "amd64"},
	} {
		best, r := "", 0
		for _, b := range strings.Fields(tt.bases) {
			if n := Rank(platformNamed(b), platformNamed(tt.wanted)); n > r {
				best, r = b, n
			}
		}
		if best != tt.want {
			t.Errorf("for %s of %s: got %q, want %q", tt.wanted, tt.bases, best, tt.want)
		}
	}
}

package platform

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Same reports whether two platforms are one. A variant that is not given means the usual one, to engines and registries
// (Normalize in https://github.com/containerd/platforms) and to the go command.
func Same(a, b Platform) bool {
	a.Variant, b.Variant = variant(a), variant(b)
	return a == b
}

// variant returns the variant of a platform, or the usual one if none is given.
func variant(p Platform) string {
	usual := map[string]string{"amd64": "v1", "arm": "v7", "arm64": "v8"}
	return cmp.Or(p.Variant, usual[p.Architecture])
}

// Best returns the platform of a list that a machine runs best; ok is false if it runs none. That is the highest variant
// that is not above the machine's. Engines report the variant of arm only: for other architectures nobody knows what the
// processor can do, so Best takes the lowest, which is the safest.
func Best(machine Platform, list []Platform) (best Platform, ok bool) {
	for _, p := range list {
		if p.Architecture != machine.Architecture || levelKnown(machine) && compareVariants(p, machine) > 0 {
			continue
		}
		if c := compareVariants(p, best); !ok || levelKnown(machine) && c > 0 || !levelKnown(machine) && c < 0 {
			best, ok = p, true
		}
	}
	return best, ok
}

// levelKnown reports whether a machine's variant says all that its processor can do. Docker reports none for amd64, and v8
// for every arm64.
func levelKnown(machine Platform) bool {
	return machine.Architecture == "arm" || !Same(machine, Platform{OS: machine.OS, Architecture: machine.Architecture})
}

// compareVariants orders the variants of one architecture, the lowest first: "v7", "v8", "v8.1". Variants without a number
// are ordered as words.
func compareVariants(a, b Platform) int {
	if c := slices.Compare(level(a), level(b)); c != 0 {
		return c
	}
	return cmp.Compare(variant(a), variant(b))
}

// level returns the numbers in a variant, nil if it has other words.
func level(p Platform) []int {
	var numbers []int
	for _, word := range strings.Split(strings.TrimPrefix(variant(p), "v"), ".") {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil
		}
		numbers = append(numbers, n)
	}
	return numbers
}

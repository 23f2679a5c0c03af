package buildkit

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Runs returns which of some platforms a machine runs best: the highest variant that is
// not above its own. Engines tell that of arm alone: of the others it is not known what
// their processors can do, so that the lowest is taken, which is the only one that no
// other is safer than. Whether the machine runs any is ok.
func Runs(machine Platform, list []Platform) (best Platform, ok bool) {
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

// levelKnown tells whether a machine's variant says all that its processor can do.
// Docker says none of amd64, and v8 of every arm64.
func levelKnown(machine Platform) bool {
	return machine.Architecture == "arm" || !same(machine, Platform{OS: machine.OS, Architecture: machine.Architecture})
}

// compareVariants orders the variants of one architecture, the lowest first: "v7" is
// below "v8", and "v8" below "v8.1". Where they are no numbers, they are ordered as words.
func compareVariants(a, b Platform) int {
	if c := slices.Compare(level(a), level(b)); c != 0 {
		return c
	}
	return cmp.Compare(variant(a), variant(b))
}

// level are the numbers in a variant; none when it has other words.
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

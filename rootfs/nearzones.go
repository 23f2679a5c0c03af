package rootfs

import (
	"context"
	"path"
	"slices"
	"strings"
)

// similar returns up to three zones whose names are close to the given one: a few letters differ, or the
// city is the same.
func (z zones) similar(ctx context.Context, name string) []string {
	names, err := z.names(ctx)
	if err != nil {
		return nil // the error about the zone is the one to report
	}
	type guess struct {
		name string
		off  int
	}
	var guesses []guess
	for _, n := range names {
		if off := distance(name, n); off <= 1+len(name)/6 {
			guesses = append(guesses, guess{n, off})
		}
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return a.off - b.off })
	var near []string
	for _, g := range guesses[:min(3, len(guesses))] {
		near = append(near, g.name)
	}
	return near
}

// distance returns how different a zone's name is from the asked one. It ignores case and treats a space as
// an underscore. The same city on another continent counts as close.
func distance(asked, zone string) int {
	asked = strings.ToLower(strings.ReplaceAll(asked, " ", "_"))
	zone = strings.ToLower(zone)
	off := editDistance(asked, zone)
	if city := editDistance(path.Base(asked), path.Base(zone)); city < off {
		off = city + 1
	}
	return off
}

// editDistance returns the Levenshtein distance: how many bytes to insert, delete or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

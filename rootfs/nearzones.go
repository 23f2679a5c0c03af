package rootfs

import (
	"context"
	"path"
	"slices"
	"strings"
)

// near returns up to three names of zones that may have been meant: those with few letters changed, or
// with the same city.
func (z zones) near(ctx context.Context, name string) []string {
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
		if off := unlike(name, n); off <= 1+len(name)/6 {
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

// unlike counts how far a zone is from what was asked for. Letters count as equal in either case, a
// space as the underscore; the city without its continent is close.
func unlike(asked, zone string) int {
	asked = strings.ToLower(strings.ReplaceAll(asked, " ", "_"))
	zone = strings.ToLower(zone)
	off := edits(asked, zone)
	if city := edits(path.Base(asked), path.Base(zone)); city < off {
		off = city + 1
	}
	return off
}

// edits is the Levenshtein distance: how many bytes to insert, delete or replace.
func edits(a, b string) int {
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

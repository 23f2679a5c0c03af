package main

import (
	"slices"
	"time"
)

// samples are measured values of one thing, in seconds or bytes.
type samples []float64

func (s *samples) add(took time.Duration) { *s = append(*s, took.Seconds()) }

// median is the middle value, between the two middle ones of an even number; 0 of
// none.
func (s samples) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// least is the smallest value, 0 of none.
func (s samples) least() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Min(s)
}

// most is the largest value, 0 of none.
func (s samples) most() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Max(s)
}

// ratio is how often the median of base is in that of s, 0 when one of them was
// not measured.
func (s samples) ratio(base samples) float64 {
	if len(s) == 0 || base.median() == 0 {
		return 0
	}
	return s.median() / base.median()
}

// rotated is the list with its first n elements moved to the end, so that over
// the rounds none always comes after the same one.
func rotated[T any](list []T, n int) []T {
	if len(list) == 0 {
		return nil
	}
	n %= len(list)
	return slices.Concat(list[n:], list[:n])
}

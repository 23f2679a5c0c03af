package measure

import (
	"slices"
	"time"
)

// Samples are measured values of one thing, in seconds or bytes.
type Samples []float64

// Add adds a time.
func (s *Samples) Add(took time.Duration) { *s = append(*s, took.Seconds()) }

// Median returns the middle value, or the mean of the two middle ones. Without samples it is 0.
func (s Samples) Median() float64 {
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

// Least returns the smallest value, or 0 without samples.
func (s Samples) Least() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Min(s)
}

// Most returns the largest value, or 0 without samples.
func (s Samples) Most() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Max(s)
}

// Ratio returns the median of s divided by that of base, or 0 if one of them was not measured.
func (s Samples) Ratio(base Samples) float64 {
	if len(s) == 0 || base.Median() == 0 {
		return 0
	}
	return s.Median() / base.Median()
}

// Rotated returns the list with its first n elements moved to the end. Over the rounds, no element then always follows
// the same one.
func Rotated[T any](list []T, n int) []T {
	if len(list) == 0 {
		return nil
	}
	n %= len(list)
	return slices.Concat(list[n:], list[:n])
}

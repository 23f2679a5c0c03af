package measure

import (
	"slices"
	"time"
)

// Samples are measured values of one thing, in seconds or bytes.
type Samples []float64

// Add adds a time.
func (s *Samples) Add(took time.Duration) { *s = append(*s, took.Seconds()) }

// Median is the middle value, between the two middle ones of an even number; 0 of
// none.
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

// Least is the smallest value, 0 of none.
func (s Samples) Least() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Min(s)
}

// Most is the largest value, 0 of none.
func (s Samples) Most() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Max(s)
}

// Ratio is how often the median of base is in that of s, 0 when one of them was
// not measured.
func (s Samples) Ratio(base Samples) float64 {
	if len(s) == 0 || base.Median() == 0 {
		return 0
	}
	return s.Median() / base.Median()
}

// Rotated is the list with its first n elements moved to the end, so that over
// the rounds none always comes after the same one.
func Rotated[T any](list []T, n int) []T {
	if len(list) == 0 {
		return nil
	}
	n %= len(list)
	return slices.Concat(list[n:], list[:n])
}

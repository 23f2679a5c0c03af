package main

import (
	"slices"
	"testing"
	"time"
)

func TestSamples(t *testing.T) {
	for name, test := range map[string]struct {
		samples             samples
		median, least, most float64
	}{
		"none":        {nil, 0, 0, 0},
		"one":         {samples{3}, 3, 3, 3},
		"odd number":  {samples{9, 1, 2}, 2, 1, 9},
		"even number": {samples{4, 1, 9, 2}, 3, 1, 9},
		"the same":    {samples{5, 5, 5, 5}, 5, 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(test.samples)
			if got := test.samples.median(); got != test.median {
				t.Errorf("median %v, want %v", got, test.median)
			}
			if got := test.samples.least(); got != test.least {
				t.Errorf("least %v, want %v", got, test.least)
			}
			if got := test.samples.most(); got != test.most {
				t.Errorf("most %v, want %v", got, test.most)
			}
			if !slices.Equal(test.samples, before) {
				t.Errorf("the samples are now in the order %v, want %v", test.samples, before)
			}
		})
	}
}

func TestRatio(t *testing.T) {
	for name, test := range map[string]struct {
		samples, base samples
		want          float64
	}{
		"of medians":          {samples{2, 100, 3}, samples{1, 2, 50}, 1.5},
		"without a base":      {samples{2}, nil, 0},
		"nothing was sampled": {nil, samples{2}, 0},
		"by nothing":          {samples{2}, samples{0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.samples.ratio(test.base); got != test.want {
				t.Errorf("ratio %v, want %v", got, test.want)
			}
		})
	}
}

func TestAddIsInSeconds(t *testing.T) {
	var s samples
	s.add(1500 * time.Millisecond)
	if s.median() != 1.5 {
		t.Errorf("the median is %v, want 1.5", s.median())
	}
}

// In as many rounds as there are ways, each has every place once.
func TestRotated(t *testing.T) {
	list := []string{"a", "b", "c"}
	for n, want := range [][]string{{"a", "b", "c"}, {"b", "c", "a"}, {"c", "a", "b"}, {"a", "b", "c"}} {
		if got := rotated(list, n); !slices.Equal(got, want) {
			t.Errorf("round %d has the order %v, want %v", n, got, want)
		}
	}
	if !slices.Equal(list, []string{"a", "b", "c"}) {
		t.Errorf("the list itself is now %v", list)
	}
	if got := rotated([]string(nil), 7); len(got) != 0 {
		t.Errorf("nothing rotated is %v", got)
	}
}

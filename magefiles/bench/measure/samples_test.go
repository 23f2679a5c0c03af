package measure

import (
	"slices"
	"testing"
	"time"
)

func TestSamples(t *testing.T) {
	for name, test := range map[string]struct {
		samples             Samples
		median, least, most float64
	}{
		"none":        {nil, 0, 0, 0},
		"one":         {Samples{3}, 3, 3, 3},
		"odd number":  {Samples{9, 1, 2}, 2, 1, 9},
		"even number": {Samples{4, 1, 9, 2}, 3, 1, 9},
		"the same":    {Samples{5, 5, 5, 5}, 5, 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(test.samples)
			if got := test.samples.Median(); got != test.median {
				t.Errorf("median %v, want %v", got, test.median)
			}
			if got := test.samples.Least(); got != test.least {
				t.Errorf("least %v, want %v", got, test.least)
			}
			if got := test.samples.Most(); got != test.most {
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
		samples, base Samples
		want          float64
	}{
		"of medians":          {Samples{2, 100, 3}, Samples{1, 2, 50}, 1.5},
		"without a base":      {Samples{2}, nil, 0},
		"nothing was sampled": {nil, Samples{2}, 0},
		"by nothing":          {Samples{2}, Samples{0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.samples.Ratio(test.base); got != test.want {
				t.Errorf("ratio %v, want %v", got, test.want)
			}
		})
	}
}

func TestAddIsInSeconds(t *testing.T) {
	var s Samples
	s.Add(1500 * time.Millisecond)
	if s.Median() != 1.5 {
		t.Errorf("the median is %v, want 1.5", s.Median())
	}
}

// In as many rounds as there are elements, each has every place once.
func TestRotated(t *testing.T) {
	list := []string{"a", "b", "c"}
	for n, want := range [][]string{{"a", "b", "c"}, {"b", "c", "a"}, {"c", "a", "b"}, {"a", "b", "c"}} {
		if got := Rotated(list, n); !slices.Equal(got, want) {
			t.Errorf("round %d has the order %v, want %v", n, got, want)
		}
	}
	if !slices.Equal(list, []string{"a", "b", "c"}) {
		t.Errorf("the list itself is now %v", list)
	}
	if got := Rotated([]string(nil), 7); len(got) != 0 {
		t.Errorf("an empty list Rotated is %v", got)
	}
}

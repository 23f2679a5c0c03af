package plan

import "testing"

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"20MB": 20e6, "20 mb": 20e6, "1.5GB": 1.5e9, "16MiB": 16 << 20, "1KiB": 1024, "7B": 7, "0B": 0, "2kB": 2000,
		"": -1, "20": -1, "MB": -1, "-1MB": -1, "1e9B": -1, "1.MB": -1, ".5MB": -1, "20MBit": -1, "20  MB": -1, "NaNMB": -1, "10%": -1,
		"999999999999999GB": -1, "1MB ": -1, "1\nMB": -1,
	} {
		got, ok := parseSize(text)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}

func TestGrowth(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"10%": 1100, "0%": 1000, "2.5 %": 1025, "1kB": 2000, "0B": 1000,
		"": -1, "%": -1, "10": -1, "-10%": -1, "10%%": -1, "9999999%": -1,
	} {
		got := int64(-1)
		if g, ok := parseGrowth(text); ok {
			got = g.Most(1000)
		}
		if got != want {
			t.Errorf("of 1000 bytes, %q leads to %d, want %d", text, got, want)
		}
	}
}

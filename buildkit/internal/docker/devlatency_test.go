package docker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// This measures the time from a new program of 15 MB to its first line of output.
func TestHeavyDevLatency(t *testing.T) {
	t.Parallel()
	eachDev(t, func(t *testing.T, e *Engine, ti *testImage, copied bool) {
		h := newDevHost(t)
		h.code = append(slices.Clip(h.code), strings.Repeat("\x00", 15<<20-len(h.code))...)
		h.install("1")
		req := newDev(t, e, h, ti)
		req.Copy = copied
		r := startDev(t, e, req)
		r.wantLine("version 1")
		var took []time.Duration
		for i := 2; i <= 22; i++ {
			h.install(fmt.Sprint(i))
			began := time.Now()
			r.swap()
			r.wantLine(fmt.Sprint("version ", i))
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		round := func(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
		t.Logf("from file to first output: median %v, fastest %v, slowest %v", round(took[len(took)/2]), round(took[0]), round(took[len(took)-1]))
	})
}

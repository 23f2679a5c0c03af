package main

import "testing"

func TestParseStatus(t *testing.T) {
	got := parseStatus("Name:\tfromscratch-6f2\nUmask:\t0022\nPid:\t12\nPPid:\t7\nVmPeak:\t 99 kB\nVmHWM:\t   2048 kB\nVmRSS:\t 8 kB\n")
	if want := (process{"fromscratch-6f2", 7, 2 << 20}); got != want {
		t.Errorf("the status is read as %+v, want %+v", got, want)
	}
	if got := parseStatus("Name:\tlink\nState:\tZ (zombie)\nPPid:\t7\n"); got.peak != 0 {
		t.Errorf("a process that has ended has the peak %d", got.peak)
	}
}

func TestBelow(t *testing.T) {
	all := map[int]process{1: {parent: 0}, 5: {parent: 1}, 6: {parent: 5}, 7: {parent: 6}, 9: {parent: 8}}
	for pid, want := range map[int]bool{5: true, 6: true, 7: true, 1: false, 9: false} {
		if got := below(all, pid, 5); got != want {
			t.Errorf("below(%d, 5) = %t, want %t", pid, got, want)
		}
	}
}

func TestPeaks(t *testing.T) {
	p := peaks{}
	p.note("link", 10)
	p.note("compile", 30)
	p.note("compile", 20)
	p.note("fromscratch-1", 40)
	p.note("fromscratch-2", 50)
	if p.ofWorker() != 50 {
		t.Errorf("our command has the peak %d, want 50", p.ofWorker())
	}
	if name, size := p.largestOther(); name != "compile" || size != 30 {
		t.Errorf("the largest other process is %s with %d, want compile with 30", name, size)
	}
}

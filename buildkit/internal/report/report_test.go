package report

import (
	"errors"
	"slices"
	"testing"
)

// record returns a Report that keeps the events, without their times.
func record(events *[]Event) Report {
	return func(e Event) {
		e.Took = 0
		*events = append(*events, e)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	use := func(r Report) {
		r.Step("app", "compile", "compiling app")("compiled app", nil)
		r.Underway("app", "push", "1 of 2 MB")
		r.Step("app", "push", "pushing app")("", errors.New("refused"))
		r.Note("app", "verify", "warning")
	}
	ends := []Event{
		{Image: "app", Step: "compile", State: Done, Text: "compiled app"},
		{Image: "app", Step: "push", State: Underway, Text: "1 of 2 MB"},
		{Image: "app", Step: "push", State: Failed, Text: "pushing app"}, // what failed; the error comes elsewhere
		{Image: "app", Step: "verify", State: Note, Text: "warning"},
	}
	all := slices.Insert(slices.Clone(ends), 2, Event{Image: "app", Step: "push", State: Started, Text: "pushing app"})
	all = slices.Insert(all, 0, Event{Image: "app", Step: "compile", State: Started, Text: "compiling app"})
	var alone, together []Event
	use(record(&alone))
	use(record(&together).Together())
	if !slices.Equal(alone, all) {
		t.Errorf("alone: %+v\nwant %+v", alone, all)
	}
	if !slices.Equal(together, ends) {
		t.Errorf("together: %+v\nwant %+v", together, ends)
	}
	use(nil) // nobody listens
	use(Report(nil).Together())
}

func TestSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 1_234_567: "1.2 MB", 12_345_678_901: "12345.7 MB"} {
		if got := Size(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
}

// Package report has the events of a build, and the errors that say whose fault a failure is.
package report

import (
	"fmt"
	"sync"
	"time"
)

// State is a state of a step.
type State int

// The states of a step. Every Started is followed by one Done or Failed of the same step; a Note stands alone. Of images
// that are built side by side only Done, Failed, Underway and Note are reported.
const (
	Started State = iota
	Done
	Failed
	Note
	Underway // how far a long step is; may come many times
)

// Event is one thing that happened in a build, for people to read.
type Event struct {
	Image string // name of the image, with the platform if it has several
	Step  string // "compile", "libraries", "rootfs", "image", "docker", "archive", "layout", "push"
	State State
	Text  string        // what is being done, or the result
	Took  time.Duration // of a step that is Done or Failed
}

// Report receives the events of a build, one at a time, in order. nil ignores them.
type Report func(Event)

// Together returns a Report for images that are built side by side: events come one at a time, without Started, which the
// end of another image's step would seem to end.
func (r Report) Together() Report {
	if r == nil {
		return nil
	}
	var one sync.Mutex
	return func(e Event) {
		one.Lock()
		defer one.Unlock()
		if e.State != Started {
			r(e)
		}
	}
}

// Step reports the beginning of a step. The function that it returns reports the end: Done with the result, or Failed if
// err is not nil.
func (r Report) Step(image, step, doing string) func(result string, err error) {
	if r == nil {
		return func(string, error) {}
	}
	began := time.Now()
	r(Event{Image: image, Step: step, State: Started, Text: doing})
	return func(result string, err error) {
		e := Event{Image: image, Step: step, State: Done, Text: result, Took: time.Since(began)}
		if err != nil {
			e.State, e.Text = Failed, doing
		}
		r(e)
	}
}

// Note reports something that a person should know.
func (r Report) Note(image, step, text string) {
	if r != nil {
		r(Event{Image: image, Step: step, State: Note, Text: text})
	}
}

// Underway reports how far a step is.
func (r Report) Underway(image, step, text string) {
	if r != nil {
		r(Event{Image: image, Step: step, State: Underway, Text: text})
	}
}

// Size writes a number of bytes for people: "1.2 MB".
func Size(n int64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%d B", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

package buildkit

import (
	"sync"
	"time"
)

// State says what has become of a step.
type State int

// The states of a step. Every Started is followed by one Done or Failed of the
// same step; a Note stands alone. Of images that are made side by side only the ends
// of steps are told, and how far those are that take long.
const (
	Started State = iota
	Done
	Failed
	Note
	Underway // of a step that takes long: how far it is; as often as is of use
)

// Event is one thing that happened in a build, for people to read.
type Event struct {
	Image string // name of the image, with the platform if it has several
	Step  string // "compile", "libraries", "rootfs", "image", "docker", "archive", "layout", "push"
	State State
	Text  string        // what is being done, or what came of it
	Took  time.Duration // of a step that is Done or Failed
}

// Report hears the events of a build, one at a time, in order. nil hears nothing.
type Report func(Event)

// together makes a Report for images that are made side by side: events come one at a
// time, and no step is begun that another one would be seen to end.
func (r Report) together() Report {
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

// step reports the beginning of a step and gives the function that reports its
// end: err decides between Done with the text, and Failed.
func (r Report) step(image, step, doing string) func(came string, err error) {
	if r == nil {
		return func(string, error) {}
	}
	began := time.Now()
	r(Event{Image: image, Step: step, State: Started, Text: doing})
	return func(came string, err error) {
		e := Event{Image: image, Step: step, State: Done, Text: came, Took: time.Since(began)}
		if err != nil {
			e.State, e.Text = Failed, doing
		}
		r(e)
	}
}

// note reports something that a person should know.
func (r Report) note(image, step, text string) {
	if r != nil {
		r(Event{Image: image, Step: step, State: Note, Text: text})
	}
}

// underway reports how far a step is.
func (r Report) underway(image, step, text string) {
	if r != nil {
		r(Event{Image: image, Step: step, State: Underway, Text: text})
	}
}

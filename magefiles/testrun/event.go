package testrun

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Event is one line of "go test -json" (go doc test2json).
type Event struct {
	Time    time.Time
	Action  string // start, run, pause, cont, output, bench, pass, fail, skip, build-output, build-fail
	Package string
	Test    string  `json:",omitempty"` // "" for an event of the package
	Elapsed float64 `json:",omitempty"` // seconds, when the test or package ends
	Output  string  `json:",omitempty"`

	ImportPath  string `json:",omitempty"` // instead of Package while a package is compiled
	FailedBuild string `json:",omitempty"` // the package that did not compile
}

// Ends reports whether the event is the end of a test or package.
func (e Event) Ends() bool {
	return e.Action == "pass" || e.Action == "fail" || e.Action == "skip"
}

// Read calls each for every event in r. Lines that are not events are passed to it as output without a package. It
// returns the first error of r or of each.
func Read(r io.Reader, each func(Event) error) error {
	for lines := bufio.NewReaderSize(r, 64<<10); ; {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var e Event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				e = Event{Action: "output", Output: string(line)}
			}
			if err := each(e); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the events of go test: %w", err)
		}
	}
}

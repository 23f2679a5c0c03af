package report

import (
	"bytes"
	"io"
)

// lineLimit is how long a supervisor's line can be; what is longer was not written by one. The supervisor's lines are
// shorter than PIPE_BUF, so that they are in one piece (pipe(7)).
const lineLimit = 4096

// Splitter is the writer for a development container's standard error. It is used by one goroutine.
type Splitter struct {
	Program io.Writer   // gets what the program has written, as it came
	Event   func(Event) // is called for each event, after what the program wrote before it
	held    []byte      // begins with the mark, or with as much of it as there is yet
}

// Write passes on what is the program's and tells the events. An end of p that could be the beginning of an event is
// held back until more has come.
func (s *Splitter) Write(p []byte) (int, error) {
	s.held = append(s.held, p...)
	for {
		n := s.ours()
		if err := s.pass(n); err != nil {
			return 0, err
		}
		end := bytes.IndexByte(s.held, '\n')
		switch {
		case len(s.held) < len(mark), end < 0 && len(s.held) < lineLimit:
			return len(p), nil
		case end < 0:
			end = len(mark) - 1 // no event: let the mark go, and look on behind it
		default:
			if e, ok := parse(string(s.held[len(mark):end])); ok {
				s.held = s.held[end+1:]
				s.Event(e)
				continue
			}
		}
		if err := s.pass(end + 1); err != nil {
			return 0, err
		}
	}
}

// Flush passes on what was held back, when nothing more comes.
func (s *Splitter) Flush() error { return s.pass(len(s.held)) }

// ours is where the mark begins, or what could become one.
func (s *Splitter) ours() int {
	if i := bytes.Index(s.held, []byte(mark)); i >= 0 {
		return i
	}
	for n := min(len(mark)-1, len(s.held)); n > 0; n-- {
		if bytes.HasSuffix(s.held, []byte(mark[:n])) {
			return len(s.held) - n
		}
	}
	return len(s.held)
}

// pass gives the first n bytes to the program's writer.
func (s *Splitter) pass(n int) error {
	if n == 0 {
		return nil
	}
	_, err := s.Program.Write(s.held[:n])
	s.held = s.held[n:]
	return err
}

package report

import (
	"bytes"
	"io"
)

// lineLimit is the longest possible line of a supervisor. Those lines are shorter than PIPE_BUF, so that each arrives in
// one piece (pipe(7)).
const lineLimit = 4096

// Splitter is the writer for a development container's standard error. Only one goroutine may use it.
type Splitter struct {
	Word    string      // the word of the supervisor's reports; a line without it is the program's
	Program io.Writer   // gets the program's own output, unchanged
	Event   func(Event) // called for each event, after the output before it
	held    []byte      // starts with the mark, or with the first part of it
}

// Write passes on the program's output and reports the events. If the end of p could be the start of an event, it is held
// back until more is written.
func (s *Splitter) Write(p []byte) (int, error) {
	s.held = append(s.held, p...)
	mark := markOf(s.Word)
	for {
		n := s.markIndex(mark)
		if err := s.pass(n); err != nil {
			return 0, err
		}
		end := bytes.IndexByte(s.held, '\n')
		switch {
		case len(s.held) < len(mark), end < 0 && len(s.held) < lineLimit:
			return len(p), nil
		case end < 0:
			end = len(mark) - 1 // not an event: pass the mark on and continue after it
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

// Flush passes on what was held back. Call it at the end of the stream.
func (s *Splitter) Flush() error { return s.pass(len(s.held)) }

// markIndex returns the index of the mark, or of what could become one.
func (s *Splitter) markIndex(mark string) int {
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

// pass writes the first n bytes to Program.
func (s *Splitter) pass(n int) error {
	if n == 0 {
		return nil
	}
	_, err := s.Program.Write(s.held[:n])
	s.held = s.held[n:]
	return err
}

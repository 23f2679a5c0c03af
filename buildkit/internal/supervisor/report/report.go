// Package report is the protocol between the supervisor of a development container and the process that created it. That
// process requests restarts with the signal [Restart] or a line on standard input ([Program], [RestartLine]). The
// supervisor writes each start and end of the program as an [Event], one line of its standard error. A [Splitter]
// separates those lines from the program's own output. Each line has a word that only the two sides know, so that no text
// that the program writes, such as a request that it logs, is taken for one.
package report

import (
	"strconv"
	"strings"
	"time"
)

const (
	// Restart is the name of the signal that requests a restart, for the Docker Engine API and kill(1). It is a
	// real-time signal because those have no fixed meaning: a program may use SIGUSR2, but none knows this one. The
	// kernel's SIGRTMIN is 32 (signal(7)); glibc and musl reserve up to three, and engines count from glibc's 34
	// (https://github.com/moby/sys/blob/signal/v0.7.1/signal/signal_linux.go).
	Restart = "SIGRTMIN+10"
	// RestartNumber is the number of the same signal, on every Linux.
	RestartNumber = 34 + 10
)

// mark starts each line. It contains the record separator, which no program's text has and no terminal shows. So the
// mark is found even in the middle of a line that the program has not ended.
const mark = "\x1efromscratch: "

// Kind is the kind of an Event.
type Kind string

const (
	// Started: the program runs, and the supervisor accepts Restart.
	Started Kind = "started"
	// Exited: the program has ended by itself. It is not started again before the next Restart.
	Exited Kind = "exited"
	// Stopped: the program has ended because of a request to restart or to end.
	Stopped Kind = "stopped"
	// Failed: the program could not be started. The next Restart tries again.
	Failed Kind = "failed"
)

// Event is a start or an end of the program.
type Event struct {
	Kind Kind
	// Run is the number of the start, counted from 1. The end of a run has the same number.
	Run int
	// Modified is the modification time of the started file, as seen in the container. It identifies the running file
	// among several that replaced each other. Only Started has it.
	Modified time.Time
	// Code is the exit code of a program that has ended, 128+n after signal n.
	Code int
	// Signal is the signal that killed it, or 0.
	Signal int
	// Reason is why it Failed, for people.
	Reason string
}

// markOf returns the mark of the reports with a word. "" is the mark without one.
func markOf(word string) string {
	if word == "" {
		return mark
	}
	return strings.TrimSuffix(mark, ": ") + " " + word + ": "
}

// Line returns the event as the supervisor writes it with its word, after the mark and with the line feed:
//
//	started RUN MODIFIED    nanoseconds since 1970
//	exited RUN CODE SIGNAL
//	stopped RUN CODE SIGNAL
//	failed RUN REASON
func (e Event) Line(word string) string {
	words := []string{string(e.Kind), strconv.Itoa(e.Run)}
	switch e.Kind {
	case Started:
		words = append(words, strconv.FormatInt(e.Modified.UnixNano(), 10))
	case Failed:
		words = append(words, e.Reason)
	default:
		words = append(words, strconv.Itoa(e.Code), strconv.Itoa(e.Signal))
	}
	return markOf(word) + strings.Join(words, " ") + "\n"
}

// parse parses the text between mark and line feed. ok is false if no supervisor wrote it.
func parse(line string) (e Event, ok bool) {
	kind, rest, _ := strings.Cut(line, " ")
	run, rest, _ := strings.Cut(rest, " ")
	e.Kind = Kind(kind)
	var err error
	if e.Run, err = strconv.Atoi(run); err != nil {
		return e, false
	}
	switch e.Kind {
	case Started:
		var ns int64
		ns, err = strconv.ParseInt(rest, 10, 64)
		e.Modified = time.Unix(0, ns)
	case Failed:
		e.Reason = rest
	case Exited, Stopped:
		code, signal, _ := strings.Cut(rest, " ")
		if e.Code, err = strconv.Atoi(code); err == nil {
			e.Signal, err = strconv.Atoi(signal)
		}
	default:
		return e, false
	}
	return e, err == nil
}

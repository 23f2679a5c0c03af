// Package report is what the supervisor of a development container and the world outside say to each other: outside
// asks for a restart by the signal [Restart], the supervisor tells what became of the program by an [Event] for each
// start and end, as a line of its standard error, and a [Splitter] takes those lines out of the program's own output.
package report

import (
	"strconv"
	"strings"
	"time"
)

const (
	// Restart is the signal that asks for a restart, in the words of the Docker Engine API and of kill(1). It is a
	// real-time signal because those mean nothing by themselves: a program may have a use for SIGUSR2, and none knows
	// this one. The kernel's SIGRTMIN is 32 (signal(7)); glibc and musl keep up to three for themselves, and engines
	// count from glibc's 34 (https://github.com/moby/sys/blob/signal/v0.7.1/signal/signal_linux.go).
	Restart = "SIGRTMIN+10"
	// RestartNumber is the same signal as a number, on every Linux.
	RestartNumber = 34 + 10
)

// mark begins each line. The record separator, which no program's text has and no terminal shows, lets it begin in the
// middle of a line that the program has not ended.
const mark = "\x1efromscratch: "

// Kind says what happened.
type Kind string

const (
	// Started: the program runs, and the supervisor hears Restart.
	Started Kind = "started"
	// Exited: the program has ended by itself. It is not started again before the next Restart.
	Exited Kind = "exited"
	// Stopped: the program has ended because the supervisor was asked to restart it, or to end.
	Stopped Kind = "stopped"
	// Failed: the program could not be started. The next Restart tries again.
	Failed Kind = "failed"
)

// Event is one thing that happened to the program.
type Event struct {
	Kind Kind
	// Run counts the attempts to start it, from 1. The end of a run has the number of its start.
	Run int
	// Modified is when the started file was last modified, as seen in the container: of several files that took each
	// other's place, it tells which one runs. Only Started has it.
	Modified time.Time
	// Code is the exit code of a program that has ended, 128+n after signal n.
	Code int
	// Signal is what killed it; 0 when it ended otherwise.
	Signal int
	// Reason is why it Failed, for people.
	Reason string
}

// Line is the event as the supervisor writes it, with its end of line:
//
//	started RUN MODIFIED    nanoseconds since 1970
//	exited RUN CODE SIGNAL
//	stopped RUN CODE SIGNAL
//	failed RUN REASON
func (e Event) Line() string {
	words := []string{string(e.Kind), strconv.Itoa(e.Run)}
	switch e.Kind {
	case Started:
		words = append(words, strconv.FormatInt(e.Modified.UnixNano(), 10))
	case Failed:
		words = append(words, e.Reason)
	default:
		words = append(words, strconv.Itoa(e.Code), strconv.Itoa(e.Signal))
	}
	return mark + strings.Join(words, " ") + "\n"
}

// parse reads what stands between mark and end of line; ok is false for what no supervisor has written.
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

package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/docker/client"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// errNoEngine is the cause when something answers that is no engine: every engine since 2016 tells its API version.
var errNoEngine = errors.New("what answers there is not a Docker Engine")

// advice is an error with the line that helps. The line is not in its text: Failed writes it once, as the last one.
type advice struct {
	error
	fix string
}

func (a *advice) Unwrap() error { return a.error }

// Advise adds a fix line to an error. If an error has several, the outermost is written, or the first of joined errors.
func Advise(err error, fix string) error { return &advice{err, fix} }

// advised reports whether an error has such a line.
func advised(err error) bool {
	var a *advice
	return errors.As(err, &a)
}

// failure is an exported method's error: what was done, why it failed, and last what helps.
type failure struct {
	doing string
	err   error
	fix   string // "" when nothing needs to help
}

func (f *failure) Error() string {
	text := plaintext.Sprintf("%s: %v", f.doing, quoted{f.err})
	if f.fix == "" {
		return text
	}
	return text + "\nfix: " + plaintext.Field(f.fix)
}

func (f *failure) Unwrap() error { return f.err }

// quoted is an error whose further lines are indented. An engine writes what it likes into its errors: none of its lines
// must begin like one of ours.
type quoted struct{ error }

func (q quoted) Error() string { return strings.ReplaceAll(q.error.Error(), "\n", "\n\t") }

// callers is the error of a caller's function, whose fix line is the one to be written.
func callers(err error) error {
	if err == nil {
		return nil
	}
	text, fix := cutFix(err.Error())
	if fix == "" {
		return err
	}
	return Advise(&worded{text, err}, fix)
}

// cutFix takes the fix lines out of an error's text, of which the first is the cause's: joined errors are written one
// after the other. The text must be ours, not an engine's.
func cutFix(text string) (rest, fix string) {
	var kept []string
	for _, line := range strings.Split(text, "\n") {
		found := strings.HasPrefix(line, "fix: ")
		if found && fix == "" {
			fix = strings.TrimPrefix(line, "fix: ")
		}
		if !found {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n"), fix
}

// Failed returns the error that a user reads: what was being done, err, and a fix line. It returns nil if err is nil.
func (e *Engine) Failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	return &failure{doing: doing, err: err, fix: e.failureFix(err)}
}

// failureFix is what helps against an error: its own advice, or what is known about its kind.
func (e *Engine) failureFix(err error) string {
	var a *advice
	var silent *NoAnswerError
	switch {
	case errors.As(err, &a):
		return a.fix
	case errors.As(err, &silent):
		return fmt.Sprintf("see whether the engine at %s answers others (docker ps); restart it if it does not, give it more time if it does", e.endpoint.Host)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "" // somebody wanted it
	case strings.Contains(strings.ToLower(err.Error()), "no space left on device"):
		return "free space on the engine's disk: docker system df shows what takes it"
	case client.IsErrConnectionFailed(err):
		return fmt.Sprintf("check that the engine at %s still runs", e.endpoint.Host)
	}
	return "look into the engine's log (journalctl -u docker, or Docker Desktop's)"
}

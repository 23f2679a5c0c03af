package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/docker/client"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/diskfull"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// errNoEngine is the cause if the server that answers is no engine. Every engine since 2016 sends its API version.
var errNoEngine = errors.New("what answers there is not a Docker Engine")

// advice is an error with a fix line. The line is not in its text: Failed writes it once, as the last line.
type advice struct {
	error
	fix string
}

func (a *advice) Unwrap() error { return a.error }

// Advise adds a fix line to an error. If an error has several, the outermost is written, or the first of joined errors.
func Advise(err error, fix string) error { return &advice{err, fix} }

// advised reports whether an error has a fix line.
func advised(err error) bool {
	var a *advice
	return errors.As(err, &a)
}

// failure is the error of an exported method: what was done, why it failed, and the fix line.
type failure struct {
	doing string
	err   error
	fix   string // "" if the user need not do anything
}

func (f *failure) Error() string {
	text := plaintext.Sprintf("%s: %v", f.doing, quoted{f.err})
	if f.fix == "" {
		return text
	}
	return text + "\nfix: " + plaintext.Field(f.fix)
}

func (f *failure) Unwrap() error { return f.err }

// quoted indents an error's lines after the first. An engine may write anything into its errors: none of its lines may
// look like a fix line.
type quoted struct{ error }

func (q quoted) Error() string { return strings.ReplaceAll(q.error.Error(), "\n", "\n\t") }

// callers marks the error of a function that the caller passed in. Its fix line is the one that Failed writes.
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

// cutFix removes the fix lines from an error's text and returns the first, which is the cause's: joined errors come one
// after the other. The text must not be an engine's.
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

// failureFix returns the fix for an error: its own, or the one for its kind.
func (e *Engine) failureFix(err error) string {
	var a *advice
	var silent *NoAnswerError
	var output *OutputError
	switch {
	case errors.As(err, &a):
		return a.fix
	case errors.As(err, &output):
		return diskfull.FixOf(output)
	case errors.As(err, &silent):
		return fmt.Sprintf("see whether the engine at %s answers others (docker ps); restart it if it does not, give it more time if it does", e.endpoint.Host)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "" // the user or the caller stopped it
	case strings.Contains(strings.ToLower(err.Error()), "no space left on device"):
		return "free space on the engine's disk: docker system df shows what takes it"
	case client.IsErrConnectionFailed(err):
		return fmt.Sprintf("check that the engine at %s still runs", e.endpoint.Host)
	}
	return "look into the engine's log (journalctl -u docker, or Docker Desktop's)"
}

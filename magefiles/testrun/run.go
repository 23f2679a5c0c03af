package testrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Options are what to run. The zero value runs "go test -json" in the current folder.
type Options struct {
	Dir    string        // the folder to run in
	Args   []string      // of go test, after -json
	Module string        // the module's path, not printed
	Stall  time.Duration // how long no test may end; 10 minutes if 0
	Beat   time.Duration // how often a line is printed while no package ends; 30 seconds if 0
	Out    io.Writer     // where lines go; os.Stdout if nil
	Record io.Writer     // if set, receives the events
}

// ErrFailed means that tests failed. The failures have been printed.
var ErrFailed = errors.New("tests failed")

// Run runs the tests and prints the progress. The error wraps [ErrFailed] if a test failed or a package did not compile.
// If the context ends or no test ends for too long, all processes of the run are ended.
func Run(ctx context.Context, o Options) (Summary, error) {
	if o.Stall == 0 {
		o.Stall = 10 * time.Minute
	}
	if o.Beat == 0 {
		o.Beat = 30 * time.Second
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	o.Out = &lockedWriter{w: o.Out} // go test writes to it at the same time
	// Stall replaces go test's time limit: a package that makes progress may take as long as it needs.
	cmd := exec.Command("go", append([]string{"test", "-json", "-timeout=0"}, o.Args...)...)
	cmd.Dir, cmd.Stderr = o.Dir, o.Out
	ownGroup(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return Summary{}, fmt.Errorf("running go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return Summary{}, fmt.Errorf("running go test: %w", err)
	}
	p := newProgress(o.Out, o.Module)
	stopped := follow(ctx, o, cmd, stdout, p)
	err = cmd.Wait()
	p.summary.Write(o.Out)
	var exit *exec.ExitError
	switch {
	case stopped != nil:
		return p.summary, stopped
	case errors.As(err, &exit) || err == nil && p.summary.Counts.Failed > 0:
		return p.summary, fmt.Errorf("%w: %s", ErrFailed, p.summary.Counts)
	case err != nil:
		return p.summary, fmt.Errorf("running go test: %w", err)
	case p.summary.Counts.Passed == 0:
		return p.summary, fmt.Errorf("%w: no test ran", ErrFailed)
	}
	return p.summary, nil
}

// stallParts is the number of parts into which Stall is divided.
const stallParts = 20

// follow reads events until go test closes its output. If it ended the run, it returns why.
func follow(ctx context.Context, o Options, cmd *exec.Cmd, stdout io.Reader, p *progress) error {
	if o.Record != nil {
		stdout = io.TeeReader(stdout, o.Record)
	}
	events, read := make(chan Event), make(chan error, 1)
	go func() {
		defer close(events)
		read <- Read(stdout, func(e Event) error { events <- e; return nil })
	}()
	// Counted in parts: the clock of a machine that was paused jumps, and that is one part.
	part, beat := time.NewTicker(o.Stall/stallParts), time.NewTicker(o.Beat)
	defer part.Stop()
	defer beat.Stop()
	quiet := 0
	var stopped error
	cancelled := ctx.Done()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return errors.Join(stopped, <-read)
			}
			p.add(e)
			if e.Ends() {
				quiet = 0
				if e.Test == "" {
					beat.Reset(o.Beat)
				}
			}
		case now := <-beat.C:
			if stopped == nil {
				fmt.Fprint(o.Out, p.heartbeat(now))
			}
		case now := <-part.C:
			if quiet++; quiet <= stallParts || stopped != nil {
				continue
			}
			stopped = fmt.Errorf("no test has ended for %s; these were running:\n%s", o.Stall, p.stalled(now))
			endGroup(cmd, syscall.SIGQUIT) // a Go program prints its stacks
		case <-cancelled:
			cancelled = nil
			stopped = errors.Join(stopped, fmt.Errorf("running the tests: %w", context.Cause(ctx)))
			endGroup(cmd, syscall.SIGINT)
		}
	}
}

// lockedWriter makes a writer that several goroutines may use.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

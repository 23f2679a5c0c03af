package gobuild

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// grace is how long an interrupted command may take to end before it is killed. It must be less than five seconds: then mage
// itself ends after Ctrl-C.
const grace = 3 * time.Second

// CommandError reports that a go command failed. Error returns the whole text.
type CommandError struct {
	Doing  string // what was attempted, on what: `compiling "example.com/app" for linux/arm64`
	Output string // the command's output, bounded, without its progress; may be empty
	Flags  string // GOFLAGS, if it was set: it may be the cause
	Fix    string // what to do, one line; "" if Output explains itself
	Err    error  // how the command ended
}

func (e *CommandError) Error() string {
	var s strings.Builder
	if e.Output != "" {
		// No line of a compiler's output, which may come from a hostile Builder, may look like the line with the fix.
		s.WriteString(e.Doing + ":\n" + plaintext.Output(e.Output))
	} else {
		s.WriteString(e.Doing + ": " + e.Err.Error())
	}
	if e.Flags != "" {
		fmt.Fprintf(&s, "\nGOFLAGS is %q", e.Flags)
	}
	if e.Fix != "" {
		s.WriteString("\nfix: " + e.Fix)
	}
	return s.String()
}

func (e *CommandError) Unwrap() error { return e.Err }

// command is one run of the go command.
type command struct {
	doing string   // for errors
	env   []string // complete
	args  []string
	flags string // GOFLAGS as the go command has it, for errors
	// group gives the command its own process group, so that a cancelled build
	// leaves no compiler behind. Listing must not have one: it may fetch modules
	// with git or ssh, and outside the terminal's foreground group their password
	// prompts would hang.
	group bool
}

// run runs the go command and returns its stdout. When ctx ends, it interrupts the
// command, and kills it after the grace time.
func (g Go) run(ctx context.Context, c command) ([]byte, error) {
	var stdout bytes.Buffer
	said := &excerpt{}
	stderr := io.Writer(said)
	if g.Stderr != nil {
		stderr = io.MultiWriter(said, g.Stderr)
	}
	run := g.runHere
	if g.Runner != nil {
		run = g.runElsewhere
	}
	err := run(ctx, c, cmp.Or(g.Command, "go"), &stdout, stderr)
	var not *notRun
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: %w", c.doing, context.Cause(ctx))
	case errors.As(err, &not):
		return nil, not.error
	case err != nil:
		return nil, c.failure(g.hideIn(said), err)
	}
	return stdout.Bytes(), nil
}

// runHere runs a command on this machine.
func (g Go) runHere(ctx context.Context, c command, name string, stdout, stderr io.Writer) error {
	path, err := g.path(c.env)
	if err != nil {
		return &notRun{fmt.Errorf("%s: running %q: %w\nfix: install Go (https://go.dev/dl) or correct PATH", c.doing, name, err)}
	}
	cmd := exec.CommandContext(ctx, path, c.args...)
	cmd.Dir, cmd.Env = g.Dir, c.env
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if c.group {
		ownGroup(cmd)
	}
	cmd.Cancel = func() error { return interrupt(cmd.Process, c.group) }
	cmd.WaitDelay = grace
	err = cmd.Run()
	if ctx.Err() != nil && c.group && cmd.Process != nil {
		killGroup(cmd.Process)
	}
	return err
}

// failure returns the error of a failed command.
func (c command) failure(output string, err error) error {
	output = withoutProgress(output)
	return &CommandError{Doing: c.doing, Output: output, Flags: c.flags, Fix: fixFor(output), Err: err}
}

// path returns the file of the go command.
func (g Go) path(env []string) (string, error) {
	path, err := lookPath(env, cmp.Or(g.Command, "go"))
	if err != nil {
		return "", err
	}
	// A relative Command is relative to the working folder, not to Dir.
	return filepath.Abs(path)
}

// withoutProgress removes the lines that only report progress.
func withoutProgress(output string) string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(output), "\n") {
		if !strings.HasPrefix(line, "go: downloading ") && !strings.HasPrefix(line, "go: finding ") {
			lines = append(lines, line)
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// excerpt is a writer that keeps the beginning and the end: the first compile errors
// are the causes, and the linker's reason comes last.
type excerpt struct {
	head, tail []byte
	lost       int
}

// excerptSize is the size of each of the two parts, in bytes.
const excerptSize = 8 << 10

func (e *excerpt) Write(p []byte) (int, error) {
	n := len(p)
	fit := min(len(p), excerptSize-len(e.head))
	e.head = append(e.head, p[:fit]...)
	e.tail = append(e.tail, p[fit:]...)
	if over := len(e.tail) - excerptSize; over > 0 {
		e.lost += over
		e.tail = append(e.tail[:0], e.tail[over:]...)
	}
	return n, nil
}

func (e *excerpt) String() string {
	if e.lost == 0 {
		return string(e.head) + string(e.tail)
	}
	return fmt.Sprintf("%s\n… %d bytes left out …\n%s", e.head, e.lost, e.tail)
}

package targets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// exitError is an error with the code that the process is to end with. mage asks
// the error that a target returns for ExitStatus, and does not unwrap it.
type exitError struct {
	text string
	code int
}

func (e *exitError) Error() string   { return e.text }
func (e *exitError) ExitStatus() int { return e.code }

// run has the command do a target's work. What would interrupt this process ends
// the compiling of the command, and is passed on to the command when it runs.
func run(ctx context.Context, target string) error {
	if target == "imageRun" || target == "imageDev" {
		// mage exits five seconds after the first SIGINT and at once after the
		// second, and the program's exit code would be lost: it ends as it likes.
		signal.Reset(syscall.SIGINT)
	}
	i := watch(ctx)
	defer i.stop()
	t := &talk{configs: recorded()}
	ctx, stop := t.heed(ctx, i)
	defer stop()
	path, err := command(ctx)
	dir, dirErr := magefileDir()
	if err = errors.Join(err, dirErr); err != nil {
		var interrupted *exitError
		if errors.As(context.Cause(ctx), &interrupted) {
			return interrupted
		}
		return plain(err)
	}
	end, err := work(ctx, path, t, start(target, dir, t.configs, i.margin/2))
	switch {
	case err != nil:
		return plain(err)
	case end.Exit:
		os.Exit(end.Code)
	case end.Error != "":
		return &exitError{end.Error, end.Code}
	}
	return nil
}

// plain is an error whose text mage may print. That of the command is such a text already.
func plain(err error) error { return &exitError{plaintext.Error(err), exitBuild} }

// The exit codes of a target that does not come to its command.
const (
	exitBuild       = 1
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

// start is the first order.
func start(target, dir string, configs []Config, grace time.Duration) dialogue.Start {
	s := dialogue.Start{Target: target, Module: dir, Args: programArgs(os.Args), Configs: configs, Grace: grace}
	for _, c := range s.Configs {
		s.Hooks = append(s.Hooks, dialogue.Hooks{Before: c.Before != nil, After: c.After != nil})
	}
	return s
}

// programArgs is what stands behind "--" on mage's command line, nil without it.
func programArgs(args []string) []string {
	i := slices.Index(args, "--")
	if i < 0 {
		return nil
	}
	return append([]string{}, args[i+1:]...)
}

// work runs the command until its end, and the hooks that it calls.
func work(ctx context.Context, path string, t *talk, s dialogue.Start) (dialogue.End, error) {
	cmd := exec.Command(path)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	orders, err := cmd.StdinPipe()
	if err != nil {
		return dialogue.End{}, fmt.Errorf("starting the command: %w", err)
	}
	reports, err := startWithReports(cmd)
	if err != nil {
		return dialogue.End{}, fmt.Errorf("starting the command: %w", errors.Join(err, orders.Close()))
	}
	t.open(orders, s)
	end, err := t.listen(ctx, reports)
	err = errors.Join(err, reports.Close(), closePipe(orders))
	if waitErr := cmd.Wait(); end == nil {
		return dialogue.End{}, fmt.Errorf("the command %q ended without saying how: %w", path, errors.Join(waitErr, err))
	}
	return *end, nil
}

// closePipe closes a pipe that Wait may have closed.
func closePipe(c io.Closer) error {
	if err := c.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

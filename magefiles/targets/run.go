package targets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// exitError is an error with the code that the process is to end with. mage asks
// the error that a target returns for ExitStatus, and does not unwrap it.
type exitError struct {
	text string
	code int
}

func (e *exitError) Error() string   { return e.text }
func (e *exitError) ExitStatus() int { return e.code }

// run has the command do a target's work.
func run(ctx context.Context, target string) error {
	if target == "imageRun" {
		// mage exits five seconds after the first SIGINT and at once after the
		// second, and the program's exit code would be lost: it ends as it likes.
		signal.Reset(syscall.SIGINT)
	}
	i := watch(ctx)
	defer i.stop()
	path, err := command(ctx)
	if err != nil {
		return err
	}
	end, err := work(ctx, path, i, start(target, i))
	switch {
	case err != nil:
		return err
	case end.Exit:
		os.Exit(end.Code)
	case end.Error != "":
		return &exitError{end.Error, end.Code}
	}
	return nil
}

// start is the first order.
func start(target string, i *interrupts) dialogue.Start {
	s := dialogue.Start{Target: target, Args: programArgs(os.Args), Configs: recorded(), Grace: i.margin / 2}
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

// work runs the command until its end: it passes on what would interrupt this
// process, and runs the hooks.
func work(ctx context.Context, path string, i *interrupts, s dialogue.Start) (dialogue.End, error) {
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
	t := &talk{orders: json.NewEncoder(orders), configs: s.Configs}
	t.send(dialogue.Order{Start: &s})
	end, err := t.listen(ctx, reports, i)
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

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
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/dialogue"
	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/plaintext"
)

// exitError is an error with the exit code of the process. mage calls ExitStatus of
// the error that a target returns, without unwrapping it.
type exitError struct {
	text string
	code int
}

func (e *exitError) Error() string   { return e.text }
func (e *exitError) ExitStatus() int { return e.code }

// run runs a target in the worker, which it compiles if necessary. An interruption
// ends the compilation, or is passed on to the running worker.
func run(ctx context.Context, target string) error {
	if target == "imageRun" || target == "imageDev" {
		// mage exits five seconds after the first SIGINT and at once after the
		// second. Without this, the program's exit code would be lost.
		signal.Reset(syscall.SIGINT)
	}
	i := watchInterrupts(ctx)
	defer i.stop()
	t := &talk{configs: recorded()}
	ctx, stop := t.passInterrupts(ctx, i)
	defer stop()
	path, err := ensureWorker(ctx)
	if err != nil {
		return withDocument(target, whyNoWorker(ctx, err))
	}
	s := start(target, t.configs, i.margin/2)
	if s.Input, err = input(ctx, target, s.Args); err != nil {
		return withDocument(target, whyNoWorker(ctx, err))
	}
	end, err := runWorker(ctx, path, t, s)
	switch {
	case err != nil:
		return withDocument(target, plainError(err))
	case end.Exit:
		os.Exit(end.Code)
	case end.Error != "":
		return &exitError{end.Error, end.Code}
	}
	return nil
}

// whyNoWorker returns the error of a target that has no worker.
func whyNoWorker(ctx context.Context, err error) *exitError {
	var known *exitError
	if errors.As(context.Cause(ctx), &known) || errors.As(err, &known) {
		return known
	}
	return plainError(err)
}

// withDocument prints an error as the worker does with IMAGE_FORMAT=json, if it could not: docs/json.md has the format.
func withDocument(target string, failed *exitError) error {
	if os.Getenv("IMAGE_FORMAT") != "json" {
		return failed
	}
	type list []struct{}
	text, fix := failed.text, ""
	if i := strings.Index(text, "\nfix: "); i >= 0 {
		text, fix = text[:i], text[i+len("\nfix: "):]
	}
	document, err := json.MarshalIndent(map[string]interface{}{
		"schema": 1, "target": target, "seconds": 0, "images": list{}, "paths": list{}, "manifests": list{}, "notes": list{}, "exitCode": failed.code,
		"error": map[string]string{"text": text, "fix": fix},
	}, "", "  ")
	if err == nil {
		_, err = fmt.Println(string(document))
	}
	if err != nil {
		return &exitError{failed.text + "\nprinting the document: " + err.Error(), failed.code}
	}
	return failed
}

// plainError returns an error whose text is safe to print. The worker's errors are already safe.
func plainError(err error) *exitError { return &exitError{plaintext.Error(err), exitBuild} }

// The exit codes of a target that does not get as far as its worker.
const (
	exitBuild       = 1
	exitConfig      = 2
	exitInterrupted = 130 // 128 + SIGINT, as in shells
)

// start returns the worker's first order.
func start(target string, configs []Config, grace time.Duration) startOrder {
	s := startOrder{Target: target, Args: programArgs(os.Args), Configs: configs, Grace: grace}
	if program, err := os.Executable(); err == nil {
		s.Command = []string{program, nameOf(target, os.Args)}
	}
	for _, c := range s.Configs {
		s.Hooks = append(s.Hooks, dialogue.Hooks{Before: c.Build.Before != nil, After: c.Build.After != nil})
	}
	return s
}

// nameOf returns a target's name as mage's command line has it: with the alias of an import before it, if there is one.
func nameOf(target string, args []string) string {
	for _, arg := range args {
		if arg == "--" {
			break
		}
		if strings.EqualFold(arg[strings.LastIndex(arg, ":")+1:], target) {
			return arg
		}
	}
	return target
}

// programArgs returns the arguments after "--" on mage's command line, or nil without "--".
func programArgs(args []string) []string {
	i := slices.Index(args, "--")
	if i < 0 {
		return nil
	}
	return append([]string{}, args[i+1:]...)
}

// input reads standard input, if a target reads manifests and its arguments name it as "-": the worker's own has the orders.
func input(ctx context.Context, target string, args []string) ([]byte, error) {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i] // the others are kubectl's
	}
	named := func(arg string) bool { return arg == "-" || strings.HasSuffix(arg, "=-") }
	if target != "imageResolve" && target != "imageApply" || !slices.ContainsFunc(args, named) {
		return nil, nil
	}
	var text []byte
	var err error
	ended := make(chan struct{})
	go func() { text, err = io.ReadAll(os.Stdin); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done(): // whoever writes to it may never end
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("reading standard input: %w", err)
	}
	return text, nil
}

// runWorker runs the worker until it ends, and the hooks that it calls.
func runWorker(ctx context.Context, path string, t *talk, s startOrder) (dialogue.End, error) {
	cmd := exec.Command(path)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	orders, err := cmd.StdinPipe()
	if err != nil {
		return dialogue.End{}, fmt.Errorf("starting the worker: %w", err)
	}
	reports, err := startWithReports(cmd)
	if err != nil {
		err = errors.Join(err, closePipe(orders))
		return dialogue.End{}, fmt.Errorf("starting the worker: %w\nfix: remove the folder %q; the next run compiles the worker again", err, filepath.Dir(path))
	}
	t.open(orders, s)
	end, err := t.listen(ctx, reports)
	err = errors.Join(err, reports.Close(), closePipe(orders))
	if waitErr := cmd.Wait(); end == nil {
		return dialogue.End{}, fmt.Errorf("the worker %q ended without a report: %w", path, errors.Join(waitErr, err))
	}
	return *end, nil
}

// closePipe closes a pipe that Wait may already have closed.
func closePipe(c io.Closer) error {
	if err := c.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

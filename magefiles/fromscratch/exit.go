package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/interrupt"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// The exit codes of the targets.
const (
	exitBuild       = 1
	exitConfig      = 2
	exitEngine      = 3
	exitInterrupted = 130 // 128 + SIGINT, as in shells
)

// ending returns how a target ended: as its verb says, or with the exit code for its error. An interrupted
// target has failed, even if it got to its end: otherwise mage would start the next one.
func ending(ctx context.Context, end dialogue.End, err error) dialogue.End {
	var config *buildkit.ConfigError
	var engine *buildkit.EngineError
	var registry *buildkit.RegistryError
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, interrupt.ErrTimeout):
		return failed(exitBuild, interruption(cause, err))
	case cause != nil:
		return failed(exitInterrupted, interruption(cause, err))
	case err == nil:
		return end
	case errors.Is(err, interrupt.ErrTimeout): // while the program ran
		return failed(cmp.Or(end.Code, exitBuild), err)
	case errors.As(err, &config):
		return failed(exitConfig, err)
	case errors.As(err, &engine), errors.As(err, &registry):
		return failed(exitEngine, err)
	}
	return failed(exitBuild, err)
}

// failed returns an end with an error whose text is safe to print: mage prints it unchanged.
func failed(code int, err error) dialogue.End {
	text := plaintext.Error(err)
	if fix := buildkit.FixOf(err); fix != "" && !strings.Contains(text, "\nfix: ") {
		text += "\nfix: " + plaintext.Field(fix)
	}
	return dialogue.End{Error: text, Code: code}
}

// interruption returns why a target was cancelled. It adds err only if that says more
// than that it was cancelled.
func interruption(cause, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, cause) {
		return cause
	}
	return fmt.Errorf("%w; meanwhile: %w", cause, err)
}

// oneLine returns an error and its fix in one line.
func oneLine(err error) string {
	return strings.ReplaceAll(plaintext.Error(err), "\n", "; ")
}

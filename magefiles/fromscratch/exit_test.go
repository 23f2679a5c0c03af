package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/interrupt"
)

// The exit code and the text of a target depend on its error and on interruptions.
func TestEnding(t *testing.T) {
	cause := errors.New("cause")
	interrupted, cancel := context.WithCancelCause(context.Background())
	cancel(interrupt.ErrInterrupted)
	late, cancel := context.WithCancelCause(context.Background())
	cancel(interrupt.ErrTimeout)
	for _, test := range []struct {
		name string
		ctx  context.Context
		err  error
		code int
		want string
	}{
		{"success", context.Background(), nil, 0, ""},
		{"build", context.Background(), cause, exitBuild, "cause"},
		{"config", context.Background(), &buildkit.ConfigError{Err: cause}, exitConfig, "cause"},
		{"engine", context.Background(), &buildkit.EngineError{Err: cause}, exitEngine, "cause"},
		{"interrupted", interrupted, context.Canceled, exitInterrupted, "interrupted"},
		{"interrupted at the end", interrupted, nil, exitInterrupted, "interrupted"},
		{"interrupted and more", interrupted, cause, exitInterrupted, "interrupted; meanwhile: cause"},
		{"timed out", late, context.Canceled, exitBuild, "timed out"},
	} {
		t.Run(test.name, func(t *testing.T) {
			end := ending(test.ctx, dialogue.End{}, test.err)
			if end.Code != test.code || !strings.HasPrefix(end.Error, test.want) || (end.Error == "") != (test.want == "") {
				t.Errorf("the target ends with %d and %q, want %d and %q", end.Code, end.Error, test.code, test.want)
			}
		})
	}
}

package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// Ctrl-C arrives both as a signal and as an order, in any sequence, and counts once. A
// second Ctrl-C counts again.
func TestWatcherPairs(t *testing.T) {
	type event struct {
		way   int
		cause dialogue.Cause
	}
	for _, test := range []struct {
		name   string
		events []event
		want   []os.Signal
	}{
		{"signal first", []event{{bySignal, dialogue.Interrupt}, {byOrder, dialogue.Interrupt}}, []os.Signal{syscall.SIGINT}},
		{"order first", []event{{byOrder, dialogue.Interrupt}, {bySignal, dialogue.Interrupt}}, []os.Signal{syscall.SIGINT}},
		{"twice", []event{{bySignal, dialogue.Interrupt}, {byOrder, dialogue.Interrupt}, {byOrder, dialogue.Interrupt}, {bySignal, dialogue.Interrupt}}, []os.Signal{syscall.SIGINT, syscall.SIGINT}},
		{"order alone", []event{{byOrder, dialogue.Terminate}}, []os.Signal{syscall.SIGTERM}},
		{"then mage ends", []event{{bySignal, dialogue.Interrupt}, {byOrder, dialogue.Gone}}, []os.Signal{syscall.SIGINT}},
		{"mage ends", []event{{byOrder, dialogue.Gone}}, []os.Signal{syscall.SIGTERM}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := watchSignals(context.Background())
			defer w.stop()
			signals, restore := w.forward()
			for _, e := range test.events {
				w.handle(e.way, e.cause)
			}
			if len(signals) != len(test.want) {
				t.Fatalf("%d signals reach the program, want %d", len(signals), len(test.want))
			}
			for _, want := range test.want {
				if got := <-signals; got != want {
					t.Errorf("the program gets %v, want %v", got, want)
				}
			}
			if !restore() {
				t.Error("restore does not report that the program was asked to end")
			}
			if err := context.Cause(w.ctx); err != nil {
				t.Errorf("the context has ended: %v", err)
			}
		})
	}
}

// The exit code and the text of a target depend on its error and on interruptions.
func TestEnding(t *testing.T) {
	cause := errors.New("cause")
	interrupted, cancel := context.WithCancelCause(context.Background())
	cancel(errInterrupted)
	late, cancel := context.WithCancelCause(context.Background())
	cancel(errTimeout)
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
			end := ending(test.ctx, 0, false, test.err)
			if end.Code != test.code || !strings.HasPrefix(end.Error, test.want) || (end.Error == "") != (test.want == "") {
				t.Errorf("the target ends with %d and %q, want %d and %q", end.Code, end.Error, test.code, test.want)
			}
		})
	}
}

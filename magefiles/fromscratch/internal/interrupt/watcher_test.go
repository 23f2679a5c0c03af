package interrupt

import (
	"context"
	"os"
	"syscall"
	"testing"

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
			w := Watch(context.Background())
			defer w.Stop()
			signals, restore := w.Forward()
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

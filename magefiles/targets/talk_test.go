package targets

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"testing"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/dialogue"
)

// The worker gets its Start first, and no interruption is lost, whenever it comes.
func TestTalkStartsWithStart(t *testing.T) {
	const senders = 40
	for i := 0; i < 200; i++ {
		r, w := io.Pipe()
		var read bytes.Buffer
		done := make(chan struct{})
		go func() { defer close(done); _, _ = io.Copy(&read, r) }()
		talk := &talk{}
		talk.send(order{Stop: dialogue.Hangup})
		var all sync.WaitGroup
		all.Add(senders + 1)
		for i := 0; i < senders; i++ {
			go func() { defer all.Done(); talk.send(order{Stop: dialogue.Interrupt}) }()
		}
		go func() { defer all.Done(); talk.open(w, startOrder{Target: "image"}) }()
		all.Wait()
		w.Close()
		<-done

		var orders []order
		for d := json.NewDecoder(&read); d.More(); {
			var o order
			if err := d.Decode(&o); err != nil {
				t.Fatal(err)
			}
			orders = append(orders, o)
		}
		if len(orders) != senders+2 || orders[0].Start == nil {
			t.Fatalf("the first of %d orders is %+v, want a Start and then %d Stops", len(orders), orders[0], senders+1)
		}
	}
}

// A target that is interrupted before its worker is compiled has the exit code that the
// worker would have had.
func TestInterruptionOfTheCompile(t *testing.T) {
	for cause, want := range map[dialogue.Cause]int{
		dialogue.Interrupt: 130, dialogue.Terminate: 130, dialogue.Gone: 130, dialogue.Timeout: 1,
	} {
		if got := interruption(cause).ExitStatus(); got != want {
			t.Errorf("%s ends with %d, want %d", cause, got, want)
		}
	}
}

package testkit

import (
	"testing"
	"time"
)

// Patience is how long a test waits for something that takes as long as it takes: for a slow and busy machine, not a
// measure.
const Patience = 5 * time.Minute

// WaitFor waits until done. After [Patience] it fails the test: it says what it waited for and shows each output so far.
func WaitFor(t testing.TB, what string, done func() bool, output ...func() string) {
	t.Helper()
	for end := time.Now().Add(Patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().Before(end) {
			continue
		}
		said := ""
		for _, text := range output {
			said += "\n" + text()
		}
		t.Fatalf("waited %s for %s%s", Patience, what, said)
	}
}

package testkit

import (
	"testing"
	"time"
)

// Patience is how long a test waits for something of unknown duration. It is long enough for a slow and busy machine.
// Tests should not measure with it.
const Patience = 5 * time.Minute

// WaitFor waits until done. After [Patience] it fails the test, with what it waited for and each output so far.
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

package testkit

import (
	"os"
	"testing"
)

// HeavyPattern matches the names of heavy tests, for -run and -skip of go test. Heavy tests take minutes and rarely find
// what others do not. "go tool mage test" skips them and "go tool mage testHeavy" runs only them; CI runs both.
const HeavyPattern = "^TestHeavy"

// Slow skips a test that compiles a very large program, such as the API server of Kubernetes, for five minutes or more: even CI does
// not run it. Set FROMSCRATCH_TEST_SLOW=1 to run it, and do so before a release.
func Slow(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("FROMSCRATCH_TEST_SLOW") == "" {
		t.Skipf("compiling %s takes many minutes; FROMSCRATCH_TEST_SLOW=1 does it", what)
	}
}

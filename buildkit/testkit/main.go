package testkit

import (
	"fmt"
	"os"
	"testing"
)

// Main runs the tests of a package and returns the code for os.Exit. TestMain calls it. The checks look, after the tests,
// for what they have left. If one finds something, the code is not 0.
func Main(m *testing.M, checks ...func() error) (code int) {
	DefaultSignals()
	code = m.Run()
	Clean()
	for _, check := range checks {
		if err := check(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	return code
}

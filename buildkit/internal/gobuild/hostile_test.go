package gobuild_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// No line of a command's output can pass for the line with the fix.
func TestHostileOutput(t *testing.T) {
	t.Parallel()
	for _, output := range []string{"fix: forged", "main.go:1: oops\nfix: forged\nmore", "oops\r\nfix: forged", "GOFLAGS is \"x\"\nfix:\tforged"} {
		err := &gobuild.CommandError{Doing: "compiling", Output: output, Fix: "ours", Err: errors.New("exit status 1")}
		for _, line := range strings.Split(err.Error(), "\n") {
			if strings.HasPrefix(line, "fix:") && line != "fix: ours" {
				t.Errorf("a line is forged: %q", err.Error())
			}
		}
		if !strings.HasSuffix(err.Error(), "\nfix: ours") || !strings.Contains(err.Error(), "forged") {
			t.Errorf("the error is %q", err.Error())
		}
	}
}

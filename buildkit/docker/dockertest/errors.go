package dockertest

import (
	"strings"
	"testing"
)

// FixLine is the last line of an error, without "fix: ".
func FixLine(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	fix, found := strings.CutPrefix(lines[len(lines)-1], "fix: ")
	if !found {
		t.Fatalf("last line is no fix: %v", err)
	}
	return fix
}

// WantError checks an error's text and its fix.
func WantError(t *testing.T, err error, text, fix string) {
	t.Helper()
	if line := FixLine(t, err); !strings.Contains(line, fix) {
		t.Errorf("fix %q, want %q in it", line, fix)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error %q, want %q in it", err, text)
	}
	if n := strings.Count(err.Error(), "fix: "); n != 1 {
		t.Errorf("%d fixes in %q", n, err)
	}
}

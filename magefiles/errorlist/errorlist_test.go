package errorlist

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The page has each error of the sources that has a fix.
func TestPage(t *testing.T) {
	t.Parallel()
	want, err := Markdown("../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("../..", Page))
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the sources have (%v)\nfix: go tool mage errors", Page, err)
	}
	if n := strings.Count(want, "\n| "); n < 200 {
		t.Errorf("there are %d lines", n)
	}
}

// A literal may be in pieces; what is not a literal, and what is formatted, is left open.
func TestEntries(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.go")
	source := "package a\nvar a = fmt.Errorf(\"reading %q of \"+name+\": %w\\nfix: set %s to \\\"a|b\\\"\", x)\nvar b = \"no error\"\n" +
		"var c = prefix + \"\\nfix: alone\"\nvar d = errors.New(`50%% of it`)\n"
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := entriesOf(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != (entry{"reading … of …: …", `set … to "a\|b"`}) {
		t.Errorf("got %q", got)
	}
}

package plaintext

import (
	"encoding/json"
	"errors"
	"io/fs"
	"testing"
)

func TestSprintf(t *testing.T) {
	cause := errors.New("no such thing\nfix: make it")
	for _, tt := range []struct{ name, got, want string }{
		{"a word", Sprintf("a %s b", "x\ny"), `a x\ny b`},
		{"a quoted word", Sprintf("a %q b", "x\n\x1b"), `a "x\n\x1b" b`},
		{"lines of the format", Sprintf("a %s\nfix: %s", "x\nfix: evil", "z"), "a x\\nfix: evil\nfix: z"},
		{"an error", Sprintf("a %s: %v", "x", cause), "a x: no such thing\nfix: make it"},
		{"width", Sprintf("%-4s|%5.2s|%d", "ab", "abc", 3), "ab  |   ab|3"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	if err := Errorf("reading %s: %w", "a\nb", fs.ErrNotExist); !errors.Is(err, fs.ErrNotExist) || err.Error() != `reading a\nb: file does not exist` {
		t.Errorf("got %v", err)
	}
}

// JSON keeps the meaning, and leaves no character that controls a terminal.
func TestJSON(t *testing.T) {
	for _, text := range []string{"plain", "a\x1b[2J\n", "\u009b2J", "\u202e\u2066", "\x7f", "\U000e0041 tag", "世界 ☃"} {
		made, err := json.MarshalIndent(map[string]string{"a": text}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		safe := JSON(made)
		if !clean(string(safe), "\n") {
			t.Errorf("%q is left in %q", text, safe)
		}
		var back map[string]string
		if err := json.Unmarshal(safe, &back); err != nil || back["a"] != text {
			t.Errorf("%q is read as %q (%v)", text, back["a"], err)
		}
	}
}

package plaintext

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// Errors of the operating system contain file names without escapes. Such a name must not start a line.
func TestError(t *testing.T) {
	_, notThere := os.Open("nowhere\nfix: forged")
	notLinked := os.Link("nowhere\nfix: forged", "\u202ex")
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"several lines", errors.New("main.go:1: oops\n\tmore\nfix: that"), "main.go:1: oops\n\tmore\nfix: that"},
		{"escape sequence", errors.New("\x1b[2J"), `\x1b[2J`},
		{"a path", fmt.Errorf("reading: %w\nfix: ours", notThere), "reading: open nowhere\\nfix: forged: no such file or directory\nfix: ours"},
		{"joined", errors.Join(errors.New("a"), fmt.Errorf("b: %w", notLinked)), "a\nb: link nowhere\\nfix: forged \\u202ex: no such file or directory"},
		{"a long line", errors.New(strings.Repeat("x", 1<<20) + "\nfix: that"), strings.Repeat("x", maxLine) + "… (1032192 bytes more)\nfix: that"},
		{"a login where a line is cut off", errors.New(strings.Repeat("x", maxLine-31) + " https://user:" + strings.Repeat("p", 40) + "@proxy.example/x"),
			strings.Repeat("x", maxLine-31) + " https://•••@proxy.exampl… (3 bytes more)"},
		{"a login", errors.New("fetching https://user:pw@proxy.example/x"), "fetching https://•••@proxy.example/x"},
	} {
		if got := Error(tt.err); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

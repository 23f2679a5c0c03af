package gobuild

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// sender is a Runner whose commands write a given program.
type sender struct {
	Runner
	program []byte
}

func (s sender) Fetch(_ context.Context, _ string, use func(io.Reader) error) error {
	return use(bytes.NewReader(s.program))
}

// A program is refused if its number of section headers is not in the ELF header: that number is only limited by the size of
// the file, including its holes.
func TestFetchHostile(t *testing.T) {
	t.Parallel()
	wide := func(offset, number byte) []byte {
		b := make([]byte, 128)
		copy(b, "\x7fELF\x02\x01\x01")
		b[40], b[60] = offset, number
		return b
	}
	narrow := make([]byte, 128)
	copy(narrow, "\x7fELF\x01\x02\x01")
	narrow[35] = 64
	for name, tt := range map[string]struct {
		program []byte
		fails   bool
	}{
		"sections":                     {wide(64, 1), false},
		"no sections":                  {wide(0, 0), false},
		"no program":                   {[]byte("#!"), false}, // refused later
		"more than the header counts":  {wide(64, 0), true},
		"the same in a file of 32 bit": {narrow, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := Go{Runner: sender{program: tt.program}}
			err := g.fetch(context.Background(), "/out/app", filepath.Join(t.TempDir(), "app"))
			if (err != nil) != tt.fails || err != nil && !strings.Contains(err.Error(), "\nfix: ") {
				t.Errorf("got %v", err)
			}
		})
	}
}

package holes_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/holes"
)

// The copy has the same bytes, and zeros take no space.
func TestCopy(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	for _, row := range []struct {
		name, content string
		data          int64 // bytes written
	}{
		{"empty", "", 0},
		{"short", "abc", 3},
		{"zeros", zeros(3 << 20), 0},
		{"few zeros", zeros(7), 0},
		{"between", "a" + zeros(1<<20) + "b", 4096 + 2},
		{"at the end", strings.Repeat("x", 5000) + zeros(100000), 8192},
		{"at the start", zeros(300000) + "end", 300003 - 300000/4096*4096},
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(row.content), "one by one": iotest.OneByteReader(strings.NewReader(row.content))} {
			t.Run(row.name+" "+name, func(t *testing.T) {
				f, err := os.Create(filepath.Join(t.TempDir(), "f"))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				size, data, err := holes.Copy(f, r, int64(len(row.content)))
				if err != nil || size != int64(len(row.content)) || data != row.data {
					t.Errorf("%d bytes, %d of data, %v; want %d, %d", size, data, err, len(row.content), row.data)
				}
				if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, []byte(row.content)) {
					t.Errorf("the copy differs (%d bytes, %v)", len(got), err)
				}
			})
		}
	}
}

// Too much data, or an error of the reader, makes Copy fail.
func TestCopyFails(t *testing.T) {
	broken := errors.New("broken")
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var large *holes.TooLargeError
	if _, _, err := holes.Copy(f, strings.NewReader("abcdef"), 5); !errors.As(err, &large) || large.Limit != 5 {
		t.Errorf("too long: %v", err)
	}
	for _, want := range []error{broken, io.ErrUnexpectedEOF} {
		if _, _, err := holes.Copy(f, io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(want)), 5); !errors.Is(err, want) {
			t.Errorf("broken off: %v, want %v", err, want)
		}
	}
}

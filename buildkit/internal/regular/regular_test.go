//go:build unix

package regular

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link, fifo := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "fifo")
	if err := errors.Join(os.WriteFile(file, []byte("text"), 0o644), os.Symlink("file", link), syscall.Mkfifo(fifo, 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, link} {
		f, err := Open(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil || string(text) != "text" {
			t.Errorf("%s: read %q (%v)", name, text, err)
		}
	}
	// The FIFO has no writer: opened as usual, it would wait for ever.
	for _, name := range []string{dir, fifo, "/dev/null"} {
		if f, err := Open(name); err == nil || !strings.Contains(err.Error(), "is no regular file (") || !strings.Contains(err.Error(), "\nfix: ") || f != nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: error %v", err)
	}
}

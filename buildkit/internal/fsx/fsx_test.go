package fsx

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// A file is the new one or the old one, with its mode, and no temporary file stays.
func TestCreate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, "old"); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := Create(path, 0o600, func(f *os.File) error {
		_, err := f.WriteString("half")
		return errors.Join(err, broken)
	})
	if content, _ := os.ReadFile(path); !errors.Is(err, broken) || string(content) != "old" {
		t.Errorf("after a failed write: %q (%v)", content, err)
	}
	if err := Create(path, 0o751, func(f *os.File) error { _, err := f.WriteString("new"); return err }); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if content, _ := os.ReadFile(path); err != nil || string(content) != "new" || info.Mode() != 0o751 {
		t.Errorf("after a write: %q, %v (%v)", content, info.Mode(), err)
	}
	if err := WriteFile(filepath.Join(dir, strings.Repeat("x", 255)), "x"); err != nil {
		t.Errorf("a long name: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "folder"), "x"); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("the folder has %v", entries)
	}
}

// Remove removes a file, a link but not what it leads to, and a folder without the write bit; nothing there is fine.
func TestRemove(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.MkdirAll(at("closed/below"), 0o755), WriteFile(at("closed/below/file"), ""), os.Chmod(at("closed/below"), 0o555),
		WriteFile(at("kept"), ""), os.Symlink("kept", at("link")), os.Symlink("nowhere", at("dangling"))); err != nil {
		t.Fatal(err)
	}
	if !Exists(at("dangling")) || IsFolder(at("link")) || !IsFolder(at("closed")) || Exists(at("none")) {
		t.Error("what is there is not seen")
	}
	for _, name := range []string{"closed", "link", "dangling", "none"} {
		if err := Remove(at(name)); err != nil || Exists(at(name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !Exists(at("kept")) {
		t.Error("the file behind the link is gone")
	}
}

// A reader ends with its context.
func TestReader(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancelCause(context.Background())
	r := Reader(ctx, strings.NewReader("text"))
	if n, err := r.Read(make([]byte, 2)); n != 2 || err != nil {
		t.Errorf("read %d (%v)", n, err)
	}
	why := errors.New("enough")
	stop(why)
	if _, err := io.ReadAll(r); !errors.Is(err, why) {
		t.Errorf("error %v, want %v", err, why)
	}
}

// No more than the limit run at once, none begins after an error, and the error is the first in order.
func TestEach(t *testing.T) {
	t.Parallel()
	var now, most, calls atomic.Int32
	first, second := errors.New("first"), errors.New("second")
	both := make(chan struct{})
	err := Each(context.Background(), 100, 3, func(_ context.Context, i int) error {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		calls.Add(1)
		switch i {
		case 10:
			<-both
			return first
		case 11:
			close(both)
			return second
		}
		return nil
	})
	if !errors.Is(err, first) || most.Load() > 3 || calls.Load() > 15 {
		t.Errorf("%d calls, %d at once, error %v", calls.Load(), most.Load(), err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := Each(ctx, 1, 1, func(context.Context, int) error { t.Error("called after the end"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

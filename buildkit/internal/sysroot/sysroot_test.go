package sysroot_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/sysroot"
)

// image is a made-up image that counts the requests.
type image struct {
	files          map[string]string // content, or "-> target", by absolute name
	order          []string
	modes          map[string]fs.FileMode // of files without 0644
	lists, fetches atomic.Int32
	fail           error
}

func newImage() *image {
	return &image{
		files: map[string]string{"/usr/lib/liba.so.1": "library a", "/usr/lib/liba.so": "-> liba.so.1", "/lib": "-> usr/lib", "/etc/a b\n\"c": "odd"},
		order: []string{"/usr/lib/liba.so.1", "/usr/lib/liba.so", "/lib", "/etc/a b\n\"c"},
	}
}

func (m *image) List(_ context.Context, w io.Writer) error {
	m.lists.Add(1)
	if m.fail != nil {
		fmt.Fprintf(w, "%o 0 /\x00\x00", uint32(fs.ModeDir))
		return m.fail
	}
	seen := map[string]bool{}
	var folder func(string)
	folder = func(name string) {
		if !seen[name] {
			if seen[name] = true; name != "/" {
				folder(path.Dir(name))
			}
			fmt.Fprintf(w, "%o 4096 %s\x00\x00", uint32(fs.ModeDir|0o755), name)
		}
	}
	for _, name := range m.order {
		folder(path.Dir(name))
		if target, ok := strings.CutPrefix(m.files[name], "-> "); ok {
			fmt.Fprintf(w, "%o 0 %s\x00%s\x00", uint32(fs.ModeSymlink|0o777), name, target)
			continue
		}
		mode := fs.FileMode(0o644)
		if m, ok := m.modes[name]; ok {
			mode = m
		}
		fmt.Fprintf(w, "%o %d %s\x00\x00", uint32(mode), len(m.files[name]), name)
	}
	return nil
}

func (m *image) Read(_ context.Context, names []string, use func(string, io.Reader) error) error {
	m.fetches.Add(1)
	for _, name := range names {
		if err := use(name, strings.NewReader(m.files[name])); err != nil {
			return err
		}
	}
	return nil
}

func open(t *testing.T, dir string, m *image) *sysroot.FS {
	t.Helper()
	sys, err := sysroot.Open(context.Background(), dir, m)
	if err != nil {
		t.Fatal(err)
	}
	return sys
}

func read(t *testing.T, sys fs.FS, name string) string {
	t.Helper()
	content, err := fs.ReadFile(sys, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestNames(t *testing.T) {
	t.Parallel()
	sys := open(t, t.TempDir(), newImage())
	if err := fstest.TestFS(sys.Sub("/usr/lib"), "liba.so.1"); err != nil && !strings.Contains(err.Error(), "liba.so") {
		t.Error(err)
	}
	for name, want := range map[string]string{"lib": "usr/lib", "usr/lib/liba.so": "liba.so.1"} {
		if got, err := sys.ReadLink(name); got != want || err != nil {
			t.Errorf("ReadLink(%q) is %q, %v", name, got, err)
		}
	}
	if info, err := sys.Lstat("usr/lib/liba.so.1"); err != nil || info.Size() != 9 || info.Mode() != 0o644 || info.Name() != "liba.so.1" {
		t.Errorf("got %v, %v", info, err)
	}
	if got := read(t, sys, "etc/a b\n\"c"); got != "odd" {
		t.Errorf("got %q", got)
	}
	for _, name := range []string{"none", "usr/lib/liba.so.1/x", "lib/liba.so"} {
		if _, err := sys.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Lstat(%q): %v", name, err)
		}
	}
	if _, err := sys.Open("../etc"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

// Stored files are not fetched again, not even by another process. Removed files are.
func TestKept(t *testing.T) {
	t.Parallel()
	dir, m := t.TempDir(), newImage()
	sys := open(t, dir, m)
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			if content, err := fs.ReadFile(sys, "usr/lib/liba.so.1"); err != nil || string(content) != "library a" {
				t.Errorf("got %q, %v", content, err)
			}
		}()
	}
	all.Wait()
	if read(t, open(t, dir, m), "usr/lib/liba.so.1"); m.lists.Load() != 1 || m.fetches.Load() != 1 {
		t.Errorf("%d lists, %d fetches", m.lists.Load(), m.fetches.Load())
	}
	if err := os.RemoveAll(filepath.Join(dir, "files")); err != nil {
		t.Fatal(err)
	}
	if read(t, sys, "usr/lib/liba.so.1"); m.fetches.Load() != 2 {
		t.Errorf("%d fetches", m.fetches.Load())
	}
}

// Small files of a folder are fetched together, large ones alone.
func TestTogether(t *testing.T) {
	t.Parallel()
	m := newImage()
	m.files["/usr/lib/big.so"], m.order = strings.Repeat("x", 20<<20), append(m.order, "/usr/lib/big.so", "/etc/c")
	m.files["/etc/c"] = "c"
	sys := open(t, t.TempDir(), m)
	read(t, sys, "etc/c")
	if read(t, sys, "etc/a b\n\"c"); m.fetches.Load() != 1 {
		t.Errorf("%d fetches for two small files", m.fetches.Load())
	}
	read(t, sys, "usr/lib/liba.so.1")
	if _, err := os.Stat(filepath.Join(sys.Files(), "usr/lib/big.so")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the large file came, too: %v", err)
	}
}

// A truncated list or file is not used.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	dir, m := t.TempDir(), newImage()
	m.fail = errors.New("the engine is gone")
	if _, err := sysroot.Open(context.Background(), dir, m); !errors.Is(err, m.fail) {
		t.Fatalf("got %v", err)
	}
	m.fail = nil
	sys := open(t, dir, m)
	m.files["/usr/lib/liba.so.1"] = "half"
	if _, err := sys.Open("usr/lib/liba.so.1"); err == nil || !strings.Contains(err.Error(), "9") {
		t.Errorf("got %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "files/usr/lib"))
	if err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// Files that others may not read in the image are not fetched together with their siblings.
func TestPrivateFiles(t *testing.T) {
	dir, m := t.TempDir(), newImage()
	m.files["/etc/passwd"], m.files["/etc/shadow"], m.files["/etc/group"] = "accounts", "secrets", "groups"
	m.modes = map[string]fs.FileMode{"/etc/shadow": 0o640}
	m.order = append(m.order, "/etc/passwd", "/etc/shadow", "/etc/group")
	sys := open(t, dir, m)
	if got := read(t, sys, "etc/passwd"); got != "accounts" {
		t.Errorf("got %q", got)
	}
	for name, want := range map[string]bool{"etc/group": true, "etc/shadow": false} {
		if _, err := os.Stat(filepath.Join(sys.Files(), name)); (err == nil) != want {
			t.Errorf("%s was fetched: %v", name, err)
		}
	}
	if got := read(t, sys, "etc/shadow"); got != "secrets" {
		t.Errorf("got %q", got)
	}
}

// Stored names and files with a changed byte are not used, and are fetched again.
func TestDamagedCache(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		change  func(dir string) error
		lists   int32
		fetches int32
	}{
		{"nothing", func(string) error { return nil }, 1, 1},
		{"a byte of a file", func(dir string) error { return changeByte(filepath.Join(dir, "files/usr/lib/liba.so.1"), "library") }, 1, 2},
		{"a byte of a name", func(dir string) error { return changeByte(filepath.Join(dir, "names"), "liba.so.1") }, 2, 1},
		{"a byte of a target", func(dir string) error { return changeByte(filepath.Join(dir, "names"), "usr/lib\x00") }, 2, 1},
		{"half of the names", func(dir string) error {
			info, err := os.Stat(filepath.Join(dir, "names"))
			return errors.Join(err, os.Truncate(filepath.Join(dir, "names"), info.Size()/2))
		}, 2, 1},
		{"no checksums", func(dir string) error { return os.RemoveAll(filepath.Join(dir, "sums")) }, 1, 2},
		{"a damaged checksum", func(dir string) error { return changeByte(filepath.Join(dir, "sums/usr/lib/liba.so.1"), "") }, 1, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, m := t.TempDir(), newImage()
			read(t, open(t, dir, m), "usr/lib/liba.so.1")
			if err := row.change(dir); err != nil {
				t.Fatal(err)
			}
			sys := open(t, dir, m)
			for range 2 {
				if got := read(t, sys, "usr/lib/liba.so.1"); got != "library a" {
					t.Errorf("got %q", got)
				}
			}
			if target, err := sys.ReadLink("lib"); target != "usr/lib" || err != nil {
				t.Errorf("the target is %q, %v", target, err)
			}
			if m.lists.Load() != row.lists || m.fetches.Load() != row.fetches {
				t.Errorf("%d lists, %d fetches; want %d, %d", m.lists.Load(), m.fetches.Load(), row.lists, row.fetches)
			}
		})
	}
}

// changeByte changes the first byte of a word in a file.
func changeByte(file, word string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	i := strings.Index(string(content), word)
	if i < 0 {
		return fmt.Errorf("%q is not in %q", word, file)
	}
	content[i] ^= 1
	return os.WriteFile(file, content, 0o644)
}

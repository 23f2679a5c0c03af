//go:build unix

package targets

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// A compiled worker is used only if no other user can have written it.
func TestTrustedWorker(t *testing.T) {
	for name, tt := range map[string]struct {
		folder, file os.FileMode
		uid          int // of the file; 0 is this user
		link         bool
		cache, own   bool // whether they are trusted
	}{
		"of this user":        {folder: 0o755, file: 0o755, cache: true, own: true},
		"private cache":       {folder: 0o700, file: 0o700, cache: true, own: true},
		"group writes cache":  {folder: 0o775, file: 0o755, own: true},
		"all write cache":     {folder: 0o777 | os.ModeSticky, file: 0o755, own: true},
		"group writes worker": {folder: 0o755, file: 0o775, cache: true},
		"all write worker":    {folder: 0o755, file: 0o757, cache: true},
		"link":                {folder: 0o755, file: 0o755, link: true, cache: true},
		"of another user":     {folder: 0o755, file: 0o755, uid: 65534, cache: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			path := filepath.Join(dir, "fromscratch-0123")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("program"), 0o755); err != nil {
				t.Fatal(err)
			}
			if tt.uid != 0 {
				if os.Geteuid() != 0 {
					testkit.Skip(t, "only root can give files away")
				}
				if err := os.Chown(path, tt.uid, -1); err != nil {
					t.Fatal(err)
				}
			}
			for p, mode := range map[string]os.FileMode{path: tt.file, dir: tt.folder} {
				if err := os.Chmod(p, mode); err != nil {
					t.Fatal(err)
				}
			}
			if tt.link {
				if err := os.Rename(path, path+"-real"); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(path+"-real", path); err != nil {
					t.Fatal(err)
				}
			}
			err := checkCache(dir)
			if (err == nil) != tt.cache || err != nil && !strings.Contains(err.Error(), "\nfix: ") {
				t.Errorf("the cache: %v", err)
			}
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if isTrusted(info) != tt.own {
				t.Errorf("isTrusted is %t, want %t", isTrusted(info), tt.own)
			}
		})
	}
}

// Another user may create the folder after it was checked and before the worker is compiled into it.
func TestCompileIntoForeignCache(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	if err := checkCache(cache); err != nil { // not there yet
		t.Fatal(err)
	}
	if err := os.Mkdir(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(cache, 0o777); err != nil {
		t.Fatal(err)
	}
	err := compile(context.Background(), t.TempDir(), filepath.Join(cache, "fromscratch-0123"))
	if err == nil || !strings.Contains(err.Error(), "is writable by others") {
		t.Errorf("the error is %v, want that others can write", err)
	}
	if entries, err := os.ReadDir(cache); err != nil || len(entries) > 0 {
		t.Errorf("the cache has %v (%v), want nothing", entries, err)
	}
}

// The umask does not change the mode of the cache.
func TestMakeCache(t *testing.T) {
	root := t.TempDir()
	for _, umask := range []int{0, 0o022, 0o077} {
		before := syscall.Umask(umask)
		dir := filepath.Join(root, strings.Repeat("a", umask+1), "cache")
		err := makeCache(dir)
		syscall.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("with umask %o the mode is %v (%v)", umask, info.Mode(), err)
		}
	}
}

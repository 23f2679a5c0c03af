//go:build unix

package targets

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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
					skip(t, "only root can give files away")
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
			err := checkFolder(dir)
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

// skip skips a test on a laptop. CI has all that tests need.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// A folder of another user, or one that others can write to, is an error before anything is compiled, wherever it is.
func TestCompileIntoForeignCache(t *testing.T) {
	goStub(t, "echo 'the go command was called' >&2; exit 1\n")
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir(module(t, map[string]string{"go.mod": withTool})); err != nil {
		t.Fatal(err)
	}
	defer os.Chdir(before)
	for _, below := range []string{"", "workers"} {
		home := t.TempDir()
		t.Setenv("XDG_CACHE_HOME", home)
		dir := filepath.Join(home, "fromscratch", below)
		if err := makeFolder(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if _, err := ensureWorker(context.Background()); err == nil || !strings.Contains(err.Error(), "is writable by others") {
			t.Errorf("%q: the error is %v, want that others can write", below, err)
		}
	}
}

// The umask does not change the mode of the cache.
func TestMakeFolder(t *testing.T) {
	root := t.TempDir()
	for _, umask := range []int{0, 0o022, 0o077} {
		before := syscall.Umask(umask)
		dir := filepath.Join(root, strings.Repeat("a", umask+1), "cache")
		err := makeFolder(dir)
		syscall.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("with umask %o the mode is %v (%v)", umask, info.Mode(), err)
		}
	}
}

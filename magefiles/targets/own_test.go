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

// A compiled command is taken only where nobody else can have put it.
func TestOwnCommand(t *testing.T) {
	for name, tt := range map[string]struct {
		folder, file os.FileMode
		uid          int // of the file; 0 is this user
		link         bool
		cache, own   bool
	}{
		"this user's":            {folder: 0o755, file: 0o755, cache: true, own: true},
		"a private cache":        {folder: 0o700, file: 0o700, cache: true, own: true},
		"a cache for a group":    {folder: 0o775, file: 0o755, own: true},
		"a cache for all":        {folder: 0o777 | os.ModeSticky, file: 0o755, own: true},
		"a command for a group":  {folder: 0o755, file: 0o775, cache: true},
		"a command for all":      {folder: 0o755, file: 0o757, cache: true},
		"a link":                 {folder: 0o755, file: 0o755, link: true, cache: true},
		"a command of another's": {folder: 0o755, file: 0o755, uid: 65534, cache: true},
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
					if os.Getenv("CI") == "true" {
						t.Fatal("only root can give files away, and CI must be root")
					}
					t.Skip("only root can give files away")
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
			if isOwn(info) != tt.own {
				t.Errorf("the command is taken: %t", isOwn(info))
			}
		})
	}
}

// Somebody else may make the folder between the look at it and the moment when the command is compiled into it.
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
	if err == nil || !strings.Contains(err.Error(), "can be written by others") {
		t.Errorf("the error is %v", err)
	}
	if entries, err := os.ReadDir(cache); err != nil || len(entries) > 0 {
		t.Errorf("it has %v, %v", entries, err)
	}
}

// The cache has the same mode whatever the umask is.
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
			t.Errorf("with umask %o it is %v, %v", umask, info.Mode(), err)
		}
	}
}

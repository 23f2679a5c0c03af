//go:build linux

package usercache

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Nobody else may look into the cache, whatever the umask, and even if the folder was there.
func TestDir(t *testing.T) {
	for name, tt := range map[string]struct {
		umask  int
		before os.FileMode // of a folder that is there
	}{
		"new":                     {umask: 0o022},
		"new, with no umask":      {umask: 0},
		"of an earlier version":   {umask: 0o022, before: 0o755},
		"that everybody can use":  {umask: 0o022, before: 0o777},
		"private as it should be": {umask: 0o022, before: 0o700},
	} {
		t.Run(name, func(t *testing.T) {
			home := filepath.Join(t.TempDir(), "cache")
			t.Setenv("XDG_CACHE_HOME", home)
			want := filepath.Join(home, "fromscratch")
			if tt.before != 0 {
				if err := os.MkdirAll(want, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(want, tt.before); err != nil {
					t.Fatal(err)
				}
			}
			mask := syscall.Umask(tt.umask)
			dir, err := Dir()
			syscall.Umask(mask)
			if err != nil || dir != want {
				t.Fatalf("got %q, %v", dir, err)
			}
			if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("it is %v, %v", info.Mode(), err)
			}
		})
	}
}

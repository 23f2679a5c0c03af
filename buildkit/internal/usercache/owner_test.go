//go:build linux

package usercache

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// A folder that another user has made is not used: that user could change its content.
func TestDirOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		testkit.Skip(t, "only root can give files away")
	}
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	dir := filepath.Join(home, "fromscratch")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 65534, -1); err != nil {
		t.Fatal(err)
	}
	if got, err := Dir(); err == nil || !strings.Contains(err.Error(), "belongs to the user 65534") || !strings.Contains(err.Error(), "\nfix: ") {
		t.Errorf("got %q, %v", got, err)
	}
}

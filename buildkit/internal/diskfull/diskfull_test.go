package diskfull

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

const inside = "FROMSCRATCH_TEST_DISK"

// The test uses two real file systems in a mount namespace, one without free bytes and one without free inodes.
func TestFixOf(t *testing.T) {
	if dir := os.Getenv(inside); dir != "" {
		bytes, inodes := filepath.Join(dir, "bytes"), filepath.Join(dir, "inodes")
		tooLarge := os.WriteFile(filepath.Join(bytes, "f"), make([]byte, 1<<20), 0o644)
		tooMany := os.MkdirAll(filepath.Join(inodes, "a", "b"), 0o755)
		for _, tt := range []struct {
			err  error
			want string
		}{
			{fmt.Errorf("writing: %w", tooLarge), fmt.Sprintf("free space on the disk of %q", bytes)},
			{errors.Join(tooMany), fmt.Sprintf("remove files on the disk of %q: it has no inodes left, even if bytes are free (df -i)", inodes)},
			{os.ErrNotExist, ""},
		} {
			if got := FixOf(tt.err); got != tt.want {
				t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
			}
		}
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("the test mounts small file systems, which needs Linux")
	}
	namespace := []string{"--mount"}
	if os.Getuid() != 0 {
		namespace = append(namespace, "--user", "--map-root-user")
	}
	if out, err := exec.Command("unshare", append(namespace, "true")...).CombinedOutput(); err != nil {
		testkit.Skip(t, fmt.Sprintf("no mount namespace: %v: %s", err, out))
	}
	dir := t.TempDir()
	cmd := exec.Command("unshare", append(namespace, "sh", "-c",
		`mkdir "$0/bytes" "$0/inodes" && mount -t tmpfs -o size=64k tmpfs "$0/bytes" && mount -t tmpfs -o nr_inodes=1 tmpfs "$0/inodes" && exec "$@"`,
		dir, os.Args[0], "-test.run=^TestFixOf$")...)
	cmd.Env = append(os.Environ(), inside+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

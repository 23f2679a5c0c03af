//go:build unix

package buildkit

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
)

// What is written to dist is for everybody to read and for nobody else to write, whatever the umask is.
func TestUmask(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077} {
		d := dist.Folder(filepath.Join(t.TempDir(), "dist", "web"))
		before := syscall.Umask(umask)
		err := d.Make()
		if err == nil {
			err = dist.Replace(d.Memory(), "memory")
		}
		syscall.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]os.FileMode{
			filepath.Dir(string(d)): 0o755, string(d): 0o755, d.Mark(): 0o644, d.Memory(): 0o644,
		} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("with umask %o %s is %v, want %v (%v)", umask, filepath.Base(path), info.Mode().Perm(), want, err)
			}
		}
	}
}

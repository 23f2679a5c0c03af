//go:build unix

package rootfs

import (
	"context"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

func inode(info fs.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Ino) }

// umask sets the umask for a test. It applies to the whole process, so these tests must not be parallel.
func umask(t *testing.T, mask int) {
	t.Helper()
	before := syscall.Umask(mask)
	t.Cleanup(func() { syscall.Umask(before) })
}

func TestWriteDirUmask(t *testing.T) {
	umask(t, 0o077)
	dir := filepath.Join(t.TempDir(), "rootfs")
	writeDirTo(t, sample(t, t.TempDir()), dir)
	want(t, disk(t, dir), sampleOnDisk)
}

func TestFilesRefuseSpecial(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		skip(t, err.Error())
	}
	sockets := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(sockets, "s"))
	if err != nil {
		skip(t, err.Error())
	}
	defer l.Close()
	for from, kind := range map[string]string{dir: "named pipe", filepath.Join(dir, "fifo"): "named pipe", sockets: "socket", "/dev/null": "device"} {
		s := bareSpec()
		s.Files = []File{{From: from, To: "/x"}}
		_, err := Assemble(context.Background(), s)
		wantError(t, err, "is a "+kind+", which an image cannot have", "fix: remove it")
	}
}

// A pipe at the path of a file is replaced. Opening it would block forever.
func TestWriteDirOverPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "l"), 0o600); err != nil {
		skip(t, err.Error())
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "empty"), 0o600); err != nil {
		t.Fatal(err)
	}
	writeDirTo(t, sample(t, t.TempDir()), dir)
	want(t, disk(t, dir), sampleOnDisk)
}

package rootfs

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// asUser runs f with the file permissions of the user nobody, setfsuid(2), if the test runs as root: root
// may do everything, so the test would prove nothing.
func asUser(t *testing.T, f func() error) error {
	t.Helper()
	if os.Getuid() != 0 {
		return f()
	}
	result := make(chan error)
	go func() {
		// The user is set for the thread. The thread is never unlocked, so it ends with the goroutine.
		runtime.LockOSThread()
		syscall.RawSyscall(syscall.SYS_SETFSGID, nobody, 0, 0)
		syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0)
		result <- f()
	}()
	return <-result
}

// A user other than root can write the tree over one with read-only folders, and can remove it.
func TestWriteDirWithoutRoot(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "fromscratch-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	src := filepath.Join(dir, "src")
	tree := sample(t, src)
	if err := os.Chmod(filepath.Join(src, "libc"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "rootfs")
	err = asUser(t, func() error {
		if err := tree.WriteDir(context.Background(), root); err != nil {
			return err
		}
		for _, p := range []string{"ro/sub", "ro", "usr", "."} {
			if err := os.Chmod(filepath.Join(root, p), 0o555); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(root, "x"), nil, 0o600); os.Getuid() == 0 && !os.IsPermission(err) {
			t.Errorf("the test still has root's permissions: %v", err)
		}
		smaller := makeTree(t, "/usr/lib/x=new", "/etc/passwd=other")
		return smaller.WriteDir(context.Background(), root)
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, disk(t, root), `
		etc drwxr-xr-x
		etc/passwd -rw-r--r-- "other"
		usr drwxr-xr-x
		usr/lib drwxr-xr-x
		usr/lib/x -rw-r--r-- "new"`)
	if err := asUser(t, func() error { return os.RemoveAll(root) }); err != nil {
		t.Error(err)
	}
}

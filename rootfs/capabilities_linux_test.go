package rootfs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// xattr returns the capabilities of a file as the kernel stores them, "" for none.
func xattr(t *testing.T, name string) string {
	t.Helper()
	var buf [64]byte
	n, err := syscall.Getxattr(name, "security.capability", buf[:])
	if err == syscall.ENODATA {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// The attribute has the bytes that setcap(8) writes.
func TestCapabilitiesLikeSetcap(t *testing.T) {
	testkit.Need(t, "setcap")
	file := write(t, t.TempDir(), "program", "", 0o755)
	for _, names := range [][]string{
		{"cap_net_bind_service"}, {"cap_net_raw", "cap_net_admin"}, {"cap_chown"}, {"cap_setfcap"}, {"cap_mac_override"}, {"cap_net_raw", "cap_audit_read"},
	} {
		c, err := ParseCapabilities(names)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("setcap", c.String()+"=+ep", file).CombinedOutput(); err != nil {
			testkit.Skip(t, "this user may not set capabilities: "+string(out))
		}
		if got := xattr(t, file); got != c.attribute() {
			t.Errorf("%s is %x, and with setcap %x", c, c.attribute(), got)
		}
	}
}

// No user of this machine gets the capabilities of the image's program.
func TestWriteDirWithoutCapabilities(t *testing.T) {
	dir, tree := t.TempDir(), makeTree(t)
	for p, source := range map[string]Source{"/made": Bytes([]byte("x")), "/copied": HostFile(write(t, t.TempDir(), "f", "x", 0o755))} {
		if err := tree.Add(Entry{Path: p, Mode: 0o755, Capabilities: 1 << 10, Source: source}); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.WriteDir(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"made", "copied"} {
		at := filepath.Join(dir, name)
		if _, err := os.Stat(at); err != nil {
			t.Fatal(err)
		}
		if got := xattr(t, at); got != "" {
			t.Errorf("%s has the capabilities %x", name, got)
		}
	}
}

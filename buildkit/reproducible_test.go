//go:build unix

package buildkit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The same program is the same image: from another folder, by another user, with
// another umask, time zone and time of the files, with a cold cache.
func TestHeavySameImageFromTwoCheckouts(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		missing(t, "root, who can build as another user,")
	}
	const program = `package main

import "fmt"

func main() { fmt.Println("the same") }
`
	files := map[string]string{
		"go.mod": `module example.com/same

go 1.23
`,
		"main.go": program,
	}

	here := module(t, files)
	ours := checkout(t, here, 0, 0o022, "TZ=UTC")

	// A checkout that somebody else can read and write.
	elsewhere, err := os.MkdirTemp("", "fromscratch-test-elsewhere-with-a-longer-path")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(elsewhere) })
	for name, content := range files {
		path := filepath.Join(elsewhere, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	output(t, "", "chown", "-R", "65534:65534", elsewhere)
	theirs := checkout(t, elsewhere, 65534, 0o077, "TZ=Asia/Tokyo",
		"HOME="+elsewhere, "GOCACHE="+filepath.Join(elsewhere, ".cache"), "GOPATH="+filepath.Join(elsewhere, ".go"), "GOFLAGS=-buildvcs=true")
	if ours != theirs {
		t.Errorf("root makes the image %s, user 65534 in another folder %s", ours, theirs)
	}
	if !strings.HasPrefix(ours, "sha256:") {
		t.Errorf("%q is no ID", ours)
	}
}

// checkout builds the module at dir in a process of its own, and gives the ID.
func checkout(t *testing.T, dir string, uid uint32, umask int, env ...string) string {
	t.Helper()
	// The test's own binary, where every user can execute it.
	content, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		missing(t, "a copy of this test in /proc ("+err.Error()+")")
	}
	tools, err := os.MkdirTemp("", "fromscratch-test-tools")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tools) })
	binary := filepath.Join(tools, "build")
	if err := os.WriteFile(binary, content, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(tools, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), buildVariable+"="+dir), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	old := syscall.Umask(umask)
	out, err := cmd.Output()
	syscall.Umask(old)
	if err != nil {
		t.Fatalf("building as %d: %v\n%s", uid, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

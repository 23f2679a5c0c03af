package watch

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// limitFile is the limit on a user's watches, one for each user namespace (namespaces(7)).
const limitFile = "/proc/sys/user/max_inotify_watches"

// If the kernel refuses more watches, the Watcher polls instead. The test runs itself in a user namespace with a low
// limit.
func TestTooManyWatches(t *testing.T) {
	t.Parallel()
	if os.Getenv("FROMSCRATCH_TEST_LIMITED") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTooManyWatches$", "-test.v")
		cmd.Env = append(os.Environ(), "FROMSCRATCH_TEST_LIMITED=yes")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			testkit.Skip(t, "making a user namespace: "+err.Error())
		}
		if err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	p := newProject(t, "a/a.go", "b/b.go", "c/c.go")
	w := p.watch(Options{Poll: 50 * time.Millisecond, Rescan: time.Hour}, Paths{Dirs: p.paths("a")})
	if err := w.Polling(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(limitFile, []byte("2"), 0); err != nil {
		t.Fatal(err)
	}
	w.set(Paths{Dirs: p.paths("a", "b", "c")})
	err := w.Polling()
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "fix: raise the limit: sudo sysctl fs.inotify.max_user_watches") {
		t.Fatal(err)
	}
	t.Log(err)
	p.write("c/c.go", "package x1")
	w.want("c/c.go")
}

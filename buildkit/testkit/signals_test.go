//go:build unix

package testkit_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// inChild makes this test binary a process that starts with SIGHUP ignored.
const inChild = "FROMSCRATCH_TEST_IGNORING"

// SIGHUP ends a command that a test starts, even if the test was started by nohup.
func TestDefaultSignals(t *testing.T) {
	if os.Getenv(inChild) != "" {
		testkit.DefaultSignals()
		cmd := exec.Command("sh", "-c", "kill -HUP $$; echo alive")
		out, err := cmd.Output()
		status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if err == nil || !status.Signaled() || status.Signal() != syscall.SIGHUP {
			t.Errorf("the command ended with %v and printed %q, want it ended by SIGHUP", err, out)
		}
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `trap "" HUP; exec "$0" -test.run '^TestDefaultSignals$' -test.v`, self)
	cmd.Env = append(os.Environ(), inChild+"=yes")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

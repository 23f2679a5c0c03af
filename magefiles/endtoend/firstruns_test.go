//go:build unix

package endtoend_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// Two first runs at once compile one worker, and a run that was killed while it did leaves nothing that is in the way.
func TestHeavyFirstRuns(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	if err := os.Symlink(goEnv(t, "GOCACHE"), filepath.Join(cache, "go-build")); err != nil {
		t.Fatal(err)
	}
	env := []string{"XDG_CACHE_HOME=" + cache}
	killed := mageCommand(t, project(t, nil), env, "imagePlan")
	killed.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	testkit.WaitFor(t, "the worker to be compiled", func() bool {
		found, err := filepath.Glob(filepath.Join(cache, "fromscratch/workers/*/build-*"))
		return err == nil && len(found) > 0
	})
	if err := syscall.Kill(-killed.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // it was killed
	var said [2]bytes.Buffer
	var both [2]*exec.Cmd
	for i := range both {
		both[i] = mageCommand(t, project(t, nil), env, "imagePlan")
		both[i].Stderr = &said[i]
		if err := both[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	compiled := 0
	for i := range both {
		if err := both[i].Wait(); err != nil {
			t.Errorf("%v:\n%s", err, said[i].String())
		}
		compiled += strings.Count(said[i].String(), "compiled in ")
	}
	if compiled != 1 {
		t.Errorf("the worker was compiled %d times, want once", compiled)
	}
	left, err := filepath.Glob(filepath.Join(cache, "fromscratch/workers/*/*"))
	if err != nil || len(left) != 2 { // the worker and its lock
		t.Errorf("the folder of the worker has %q (%v)", left, err)
	}
}

package docker

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// unavailable skips a test for want of something that not every machine has; CI has everything.
func unavailable(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// openEngine opens the machine's own engine.
func openEngine(t *testing.T) *Engine {
	t.Helper()
	e, err := Open(context.Background(), Options{Getenv: os.Getenv})
	if err != nil {
		unavailable(t, "no engine: %v", err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// eachEngine runs a test on the machine's own engine and on those of FROMSCRATCH_TEST_ENGINES, a list of DOCKER_HOSTs.
func eachEngine(t *testing.T, test func(t *testing.T, e *Engine)) {
	t.Helper()
	t.Run("default", func(t *testing.T) { test(t, openEngine(t)) })
	for _, host := range strings.Fields(os.Getenv("FROMSCRATCH_TEST_ENGINES")) {
		t.Run(host, func(t *testing.T) {
			e, err := Open(context.Background(), Options{Host: host})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { e.Close() })
			test(t, e)
		})
	}
}

var programs sync.Map // name in testdata -> func() (path, error), built once

// program builds a command of testdata, statically, for the container or for the host: both are this platform.
func program(t *testing.T, name string) string {
	t.Helper()
	build, _ := programs.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		file := filepath.Join(os.TempDir(), fmt.Sprintf("fromscratch-test-%s-%d", name, os.Getpid()))
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "./testdata/"+name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS)
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return file, err
	}))
	file, err := build.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestMain(m *testing.M) {
	code := m.Run()
	programs.Range(func(_, build any) bool {
		file, _ := build.(func() (string, error))()
		os.Remove(file)
		return true
	})
	os.Exit(code)
}

// fixLine is the last line of an error, without "fix: ".
func fixLine(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	fix, found := strings.CutPrefix(lines[len(lines)-1], "fix: ")
	if !found {
		t.Fatalf("last line is no fix: %v", err)
	}
	return fix
}

// wantError checks an error's text and its fix.
func wantError(t *testing.T, err error, text, fix string) {
	t.Helper()
	if line := fixLine(t, err); !strings.Contains(line, fix) {
		t.Errorf("fix %q, want %q in it", line, fix)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error %q, want %q in it", err, text)
	}
	if n := strings.Count(err.Error(), "fix: "); n != 1 {
		t.Errorf("%d fixes in %q", n, err)
	}
}

// eventually waits for a condition that another process or goroutine brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for range 600 {
		if condition() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// quiet is a log that nobody reads.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

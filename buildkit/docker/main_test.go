package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
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
	e, err := Open(context.Background(), Options{Options: host.Options{Getenv: os.Getenv}})
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
	for _, address := range strings.Fields(os.Getenv("FROMSCRATCH_TEST_ENGINES")) {
		t.Run(address, func(t *testing.T) {
			e, err := Open(context.Background(), Options{Options: host.Options{Host: address}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { e.Close() })
			test(t, e)
		})
	}
}

// program builds a command of testdata, statically, for the container or for the host: both are this platform.
func program(t *testing.T, name string) string {
	t.Helper()
	return testkit.Program(t, "./testdata/"+name)
}

func TestMain(m *testing.M) {
	testkit.DefaultSignals()
	code := m.Run()
	testkit.Clean()
	if err := nothingLeft(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// nothingLeft looks for containers that the tests of this process have left in the machine's own engine.
func nothingLeft() error {
	e, err := Open(context.Background(), Options{Options: host.Options{Getenv: os.Getenv}})
	if err != nil {
		return nil // no engine, no containers
	}
	return errors.Join(dockertest.NothingLeft(e.api), e.Close())
}

// eventually waits for a condition that another process or goroutine brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	testkit.WaitFor(t, what, condition)
}

// quiet is a log that nobody reads.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

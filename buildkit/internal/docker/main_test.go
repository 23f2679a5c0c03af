package docker

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// openEngine opens this machine's engine.
func openEngine(t *testing.T) *Engine {
	t.Helper()
	e, err := Open(context.Background(), Options{Options: host.Options{Getenv: os.Getenv}})
	if err != nil {
		testkit.Missing(t, "a Docker Engine ("+err.Error()+")")
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

// program builds a static command of testdata. It runs in containers and on this machine, which have the same platform.
func program(t *testing.T, name string) string {
	t.Helper()
	return testkit.Program(t, "./testdata/"+name)
}

func TestMain(m *testing.M) { os.Exit(testkit.Main(m, nothingLeft)) }

// nothingLeft looks for containers that the tests of this process have left in the machine's own engine.
func nothingLeft() error {
	e, err := Open(context.Background(), Options{Options: host.Options{Getenv: os.Getenv}})
	if err != nil {
		return nil // no engine, no containers
	}
	return errors.Join(dockertest.NothingLeft(e.api), e.Close())
}

// eventually waits until a condition is true.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	testkit.WaitFor(t, what, condition)
}

// quiet returns a logger that discards everything.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

package kind

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/docker/docker/client"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m, nothingLeft)) }

// nothingLeft looks for containers that the tests of this process have left in the machine's own engine.
func nothingLeft() error {
	e, err := docker.Open(context.Background(), docker.Options{Options: host.Options{Getenv: os.Getenv}})
	if err != nil {
		return nil // no engine, no containers
	}
	api, err := newClient(e)
	if err != nil {
		return errors.Join(err, e.Close())
	}
	return errors.Join(dockertest.NothingLeft(api), api.Close(), e.Close())
}

// newClient returns a client of its own for an engine.
func newClient(e *docker.Engine) (*client.Client, error) {
	return client.NewClientWithOpts(client.WithHost(e.Host()), client.WithAPIVersionNegotiation())
}

// engine is the machine's own engine.
type engine struct {
	*docker.Engine
	api *client.Client
}

// openEngine opens the machine's own engine.
func openEngine(t *testing.T) engine {
	t.Helper()
	e, err := docker.Open(context.Background(), docker.Options{Options: host.Options{Getenv: os.Getenv}})
	if err != nil {
		testkit.Missing(t, "a Docker Engine ("+err.Error()+")")
	}
	t.Cleanup(func() { e.Close() })
	api, err := newClient(e)
	if err != nil {
		testkit.Skip(t, "the engine is not on a socket: "+err.Error())
	}
	t.Cleanup(func() { api.Close() })
	return engine{e, api}
}

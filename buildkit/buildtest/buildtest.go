// Package buildtest builds and runs images in the tests of this module.
package buildtest

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// Repo is the prefix of the name of every image that a test loads. Nothing else uses it.
const Repo = "fromscratch-test-"

// Build builds the one image of a Config in the module at dir, for this machine.
func Build(ctx context.Context, dir string, c buildkit.Config) (*buildkit.Result, error) {
	plans, err := buildkit.Resolve(ctx, buildkit.Inputs{Dir: dir, Environ: os.Environ(), Configs: []buildkit.Config{c}, Prepare: true})
	if err != nil {
		return nil, err
	}
	plan, err := buildkit.One(plans)
	if err != nil {
		return nil, err
	}
	return buildkit.Build(ctx, plan, nil)
}

// MustBuild is [Build] in a test. An error fails the test. The result is closed when the test ends.
func MustBuild(t testing.TB, dir string, c buildkit.Config) *buildkit.Result {
	t.Helper()
	built, err := Build(context.Background(), dir, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := built.Close(); err != nil {
			t.Error(err)
		}
	})
	return built
}

// Load loads an image into the engine and returns its name, which must begin with [Repo]. The image is removed when the
// test ends. Without an engine it skips the test, see [testkit.Missing].
func Load(t testing.TB, built *buildkit.Result) string {
	t.Helper()
	ctx := context.Background()
	engine, err := docker.Open(ctx, docker.Options{Options: host.Options{Getenv: os.Getenv}})
	if err != nil {
		testkit.Missing(t, "a Docker Engine ("+err.Error()+")")
	}
	t.Cleanup(func() { engine.Close() })
	ref := built.Plan.Reference
	if !strings.HasPrefix(ref, Repo) {
		t.Fatalf("the image's name %s does not begin with %s", ref, Repo)
	}
	t.Cleanup(func() { exec.Command("docker", "image", "rm", "-f", ref).Run() })
	to := buildkit.NewDelivery(engine)
	defer to.Close()
	if err := built.Load(ctx, to); err != nil {
		t.Fatal(err)
	}
	return ref
}

// Run runs an image with options for docker run and arguments for its program, and returns the program's output.
func Run(t testing.TB, options []string, ref string, args ...string) string {
	t.Helper()
	words := append([]string{"run", "--rm", "--label", "fromscratch-test"}, options...)
	return testkit.Output(t, "", "docker", append(append(words, ref), args...)...)
}

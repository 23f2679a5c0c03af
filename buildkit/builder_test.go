package buildkit_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
)

// builderPrefix begins the names of volumes of these tests, and is a label of their containers.
const builderPrefix = "fromscratch-test-builder"

// builderCache is where these tests keep the files of builder images; TestMain removes it, and the volumes.
var builderCache = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", builderPrefix) })

// removeBuilderCaches removes what the tests share.
func removeBuilderCaches() {
	if dir, err := builderCache(); err == nil {
		os.RemoveAll(dir)
	}
	out, err := exec.Command("docker", "volume", "ls", "-q", "--filter", "name="+builderPrefix).Output()
	if err != nil {
		return
	}
	for _, name := range strings.Fields(string(out)) {
		exec.Command("docker", "volume", "rm", name).Run()
	}
}

// builders are the containers of one run, as a job has them.
func builders(t *testing.T) *buildkit.Builders {
	t.Helper()
	cache, err := builderCache()
	if err != nil {
		t.Fatal(err)
	}
	engine := openEngine(t)
	b := &buildkit.Builders{
		Engine: func(context.Context, buildkit.Platform) (*docker.Engine, error) { return engine, nil },
		Cache:  cache, Prefix: builderPrefix,
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
		noBuilderContainers(t)
	})
	return b
}

func openEngine(t *testing.T) *docker.Engine {
	t.Helper()
	engine, err := docker.Open(context.Background(), docker.Options{Getenv: os.Getenv})
	if err != nil {
		missing(t, "a Docker Engine ("+err.Error()+")")
	}
	t.Cleanup(func() { engine.Close() })
	return engine
}

// noBuilderContainers checks that none is left.
func noBuilderContainers(t *testing.T) {
	t.Helper()
	for range 100 {
		if builderContainers(t) == "" {
			return
		}
		time.Sleep(50 * time.Millisecond) // an engine removes one that has ended by itself a moment later
	}
	t.Errorf("containers are left: %s", builderContainers(t))
}

func builderContainers(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(output(t, ".", "docker", "ps", "-aq", "--filter", "label="+builderPrefix))
}

// runIn is one run of a target: it builds all images, which are given to use, and ends.
func runIn(ctx context.Context, b *buildkit.Builders, in buildkit.Inputs, use func(*buildkit.Built) error) error {
	in.Builders, in.Prepare = b, true
	if in.Environ == nil {
		in.Environ = os.Environ()
	}
	if err := in.AskBuilders(ctx); err != nil {
		return err
	}
	in.Recalled = buildkit.Recall(in)
	plans, err := buildkit.Resolve(ctx, in)
	if err != nil {
		return err
	}
	return buildkit.BuildEach(ctx, plans, in.Report, func(_ context.Context, b *buildkit.Built) error { return use(b) })
}

// mustRun builds the images of some Configs and returns their digests.
func mustRun(t *testing.T, b *buildkit.Builders, in buildkit.Inputs) []string {
	t.Helper()
	var digests []string
	var one sync.Mutex
	err := runIn(context.Background(), b, in, func(built *buildkit.Built) error {
		one.Lock()
		defer one.Unlock()
		digests = append(digests, built.Image.ConfigDigest.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return digests
}

const helloMain = "package main\n\nimport (\"fmt\"; \"runtime\")\n\nfunc main() { fmt.Println(\"hello from\", runtime.Version()) }\n"

// A static program compiled in a container, with the sources mounted and with copies, is the same, also from another
// folder and with another environment.
func TestBuilderStatic(t *testing.T) {
	image := buildertest.Image(t)
	files := map[string]string{"go.mod": "module example.com/hello\n\ngo 1.23\n", "main.go": helloMain}
	c := buildkit.Config{Builder: image, Repo: repo + "builder-static"}
	var first string
	for _, row := range []struct {
		name    string
		copied  bool
		environ []string
	}{
		{"mounted", false, nil},
		{"copied", true, nil},
		{"other environment", false, append(os.Environ(), "GOROOT=/nowhere", "GOCACHE=/nowhere", "GOFLAGS=", "CC=/nowhere/cc", "GOAMD64=v3", "CGO_ENABLED=1", "TZ=Asia/Tokyo")},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := builders(t)
			b.Copy = row.copied
			environ := row.environ
			if environ != nil { // the go command of this machine still has to find itself
				for i, v := range environ {
					if v == "GOROOT=/nowhere" {
						environ[i] = "GOROOT=" + strings.TrimSpace(output(t, ".", "go", "env", "GOROOT"))
					}
				}
			}
			got := mustRun(t, b, buildkit.Inputs{Dir: module(t, files), Environ: environ, Configs: []buildkit.Config{c}})
			if first == "" {
				first = got[0]
			}
			if got[0] != first {
				t.Errorf("the image is %s, and the first was %s", got[0], first)
			}
		})
	}
}

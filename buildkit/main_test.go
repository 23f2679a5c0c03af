package buildkit_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// repo begins the name of every image that these tests load: nobody else's.
const repo = "fromscratch-test-"

// buildVariable makes a test binary build the module in the folder that it names,
// print the image's ID, and end: so that a build can run as another user.
const buildVariable = "FROMSCRATCH_TEST_BUILD"

func TestMain(m *testing.M) {
	dir, told := os.LookupEnv(buildVariable)
	if !told {
		testkit.DefaultSignals()
		code := m.Run()
		testkit.Clean()
		removeBuilderCaches()
		os.Exit(code)
	}
	built, err := build(context.Background(), dir, buildkit.Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(built.Image.ConfigDigest)
	if err := built.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// build builds the one image of a Config in the module at dir, for this machine.
func build(ctx context.Context, dir string, c buildkit.Config) (*buildkit.Built, error) {
	plans, err := buildkit.Resolve(ctx, buildkit.Inputs{Dir: dir, Environ: os.Environ(), Configs: []buildkit.Config{c}, Prepare: true})
	if err != nil {
		return nil, err
	}
	plan, err := buildkit.One(plans)
	if err != nil {
		return nil, err
	}
	return plan.Build(ctx, nil)
}

// mustBuild builds, and gives dist/ free when the test ends.
func mustBuild(t *testing.T, dir string, c buildkit.Config) *buildkit.Built {
	t.Helper()
	built, err := build(context.Background(), dir, c)
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

// load loads an image under a name of ours, which the test's end removes.
func load(t *testing.T, built *buildkit.Built) string {
	t.Helper()
	ctx := context.Background()
	engine, err := docker.Open(ctx, docker.Options{Getenv: os.Getenv})
	if err != nil {
		missing(t, "a Docker Engine ("+err.Error()+")")
	}
	t.Cleanup(func() { engine.Close() })
	ref := built.Plan.Reference
	if !strings.HasPrefix(ref, repo) {
		t.Fatalf("the image is named %s, which is not a name of ours", ref)
	}
	t.Cleanup(func() { exec.Command("docker", "image", "rm", "-f", ref).Run() })
	to := buildkit.To(engine)
	defer to.Close()
	if err := built.Load(ctx, to); err != nil {
		t.Fatal(err)
	}
	return ref
}

// output runs a command that must succeed, and gives what it prints.
func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// missing skips the test for want of a tool; where everything should be there it
// fails.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing, and CI must have it", what)
	}
	t.Skipf("%s is missing", what)
}

func need(t *testing.T, commands ...string) {
	t.Helper()
	for _, c := range commands {
		if _, err := exec.LookPath(c); err != nil {
			missing(t, "the command "+c)
		}
	}
}

// module writes a module with the files given.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// ownCopy copies a module of testdata, so that dist/ is not made in ours.
func ownCopy(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

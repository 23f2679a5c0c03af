package buildkit_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

// many is how many programs the module of these tests has.
const many = 50

// manyMains is a module of many programs that share a package.
func manyMains(t *testing.T) string {
	t.Helper()
	files := map[string]string{
		"go.mod": `module example.com/many

go 1.23
`,
		"shared/shared.go": `package shared

const Text = "shared"
`,
	}
	for i := range many {
		files[fmt.Sprintf("cmd/%sp%02d/main.go", repo, i)] = fmt.Sprintf(`package main

import "example.com/many/shared"

func main() { println(%d, shared.Text) }
`, i)
	}
	return module(t, files)
}

// runEach builds all images side by side, and gives their IDs and the reported steps.
func runEach(t *testing.T, in buildkit.Inputs) (ids map[string]string, steps []string, err error) {
	t.Helper()
	return runEachWith(t, in, func(*buildkit.Result) error { return nil })
}

// runEachWith is runEach with something that is done with each image.
func runEachWith(t *testing.T, in buildkit.Inputs, do func(*buildkit.Result) error) (ids map[string]string, steps []string, err error) {
	t.Helper()
	opened := open(t, in)
	plans, err := opened.Resolve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	standing, _ := opened.Unchanged()
	plans = slices.DeleteFunc(plans, func(p buildkit.Plan) bool {
		return slices.ContainsFunc(standing, func(s buildkit.Deliverable) bool { return s.Name == p.Name })
	})
	ids = map[string]string{}
	var one sync.Mutex
	err = buildkit.BuildEach(context.Background(), plans, func(e buildkit.Event) { steps = append(steps, e.Image+" "+e.Step) }, func(_ context.Context, b *buildkit.Result) error {
		one.Lock()
		defer one.Unlock()
		ids[b.Plan.Name] = b.Image.ConfigDigest.String()
		return do(b)
	})
	return ids, steps, err
}

// All programs of a module are compiled by one go command, and share the system layer
// byte by byte; of one that has not changed nothing is done.
func TestHeavyManyPrograms(t *testing.T) {
	calls := goLog(t)
	dir := manyMains(t)
	layers := map[string][]string{}
	loaded, loadSome := loadsSome(t)
	first, _, err := runEachWith(t, inputs(dir), func(b *buildkit.Result) error {
		for _, l := range b.Image.Layers {
			layers[b.Plan.Name] = append(layers[b.Plan.Name], l.DiffID.String())
		}
		return loadSome(b)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != many {
		t.Fatalf("%d images were built, want %d", len(first), many)
	}
	wantShared(t, layers)
	t.Run("in the engine", func(t *testing.T) { wantLoaded(t, *loaded, layers) })
	if n := count(calls(), "build"); n != 1 {
		t.Errorf("the go command was asked to build %d times, want once", n)
	}
	if !stands(t, inputs(dir)) {
		t.Error("nothing has changed, and not all images stand")
	}

	const changed = repo + "p07"
	main := filepath.Join(dir, "cmd", changed, "main.go")
	if err := os.WriteFile(main, []byte(`package main

import "example.com/many/shared"

func main() { println("changed", shared.Text) }
`), 0o644); err != nil {
		t.Fatal(err)
	}
	second, steps, err := runEach(t, inputs(dir))
	if err != nil {
		t.Fatal(err)
	}
	if len(second) != 1 || second[changed] == "" || second[changed] == first[changed] {
		t.Errorf("the images that were built anew are %v", second)
	}
	if slices.ContainsFunc(steps, func(s string) bool { return !strings.HasPrefix(s, changed+" ") }) {
		t.Errorf("there were steps of other images: %q", steps)
	}
	if said := calls(); count(said, "list") != 0 || count(said, "build") != 1 {
		t.Errorf("the go command was asked to %q", said)
	}

	if err := os.WriteFile(filepath.Join(dir, "shared/shared.go"), []byte("package shared\n\nconst Text = \"other\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	third, _, err := runEach(t, inputs(dir))
	if err != nil || len(third) != many || third[repo+"p01"] == first[repo+"p01"] {
		t.Errorf("%d images were built for a change of all (%v)", len(third), err)
	}
	if n := count(calls(), "build"); n != 1 {
		t.Errorf("the go command was asked to build %d times, want once", n)
	}
}

// loadsSome loads every tenth image into the engine, if there is one, and notes which.
func loadsSome(t *testing.T) (loaded *[]string, load func(*buildkit.Result) error) {
	t.Helper()
	ctx := context.Background()
	loaded = &[]string{}
	engine, err := docker.Open(ctx, docker.Options{Options: host.Options{Getenv: os.Getenv}})
	if err != nil {
		return loaded, func(*buildkit.Result) error { return nil }
	}
	t.Cleanup(func() {
		exec.Command("docker", append([]string{"image", "rm", "-f"}, *loaded...)...).Run()
		engine.Close()
	})
	return loaded, func(b *buildkit.Result) error {
		if !strings.HasSuffix(b.Plan.Name, "0") {
			return nil
		}
		*loaded = append(*loaded, b.Plan.Reference)
		to := buildkit.NewDelivery(engine)
		defer to.Close()
		return b.Load(ctx, to)
	}
}

// wantShared checks that images have all layers in common but for their own program.
func wantShared(t *testing.T, layers map[string][]string) {
	t.Helper()
	first := layers[repo+"p00"]
	tops := map[string]bool{}
	for name, ids := range layers {
		if len(ids) < 2 || len(ids) != len(first) || !slices.Equal(ids[:len(ids)-1], first[:len(first)-1]) {
			t.Errorf("%s has the layers %q, another image %q", name, ids, first)
			continue
		}
		tops[ids[len(ids)-1]] = true
	}
	if len(tops) != len(layers) {
		t.Errorf("%d images have %d programs", len(layers), len(tops))
	}
}

// wantLoaded checks that the engine has the very layers, and runs the programs.
func wantLoaded(t *testing.T, loaded []string, layers map[string][]string) {
	t.Helper()
	if len(loaded) == 0 {
		missing(t, "a Docker Engine")
	}
	if len(loaded) != many/10 {
		t.Errorf("%q were loaded", loaded)
	}
	for _, ref := range loaded {
		name, _, _ := strings.Cut(ref, ":")
		got := strings.Fields(output(t, "", "docker", "inspect", "-f", "{{range .RootFS.Layers}}{{.}} {{end}}", ref))
		if !slices.Equal(got, layers[name]) {
			t.Errorf("in the engine %s has the layers %q, want %q", name, got, layers[name])
		}
	}
	if got := output(t, "", "docker", "run", "--rm", repo+"p30"); got != "30 shared\n" {
		t.Errorf("one of the programs says %q", got)
	}
}

func count(list []string, want string) (n int) {
	for _, s := range list {
		if s == want {
			n++
		}
	}
	return n
}

// When one of several programs does not compile, none is left as if it had been built.
func TestManyProgramsOneBroken(t *testing.T) {
	t.Parallel()
	dir := module(t, map[string]string{
		"go.mod": `module example.com/many

go 1.23
`,
		"a/main.go": `package main

func main() {}
`,
		"b/main.go": `package main

func main() {}
`,
		"web/page.txt": "page",
	})
	if _, _, err := runEach(t, inputs(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b/main.go"), []byte("package main\n\nfunc main() { none() }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	in := inputs(dir, buildkit.Config{Main: "./a"}, buildkit.Config{Main: "./b"})
	_, _, err := runEach(t, in)
	if err == nil || !strings.Contains(err.Error(), "undefined: none") {
		t.Fatalf("the error is %v", err)
	}
	for _, name := range []string{"a", "b"} {
		if _, err := os.Stat(filepath.Join(dir, "dist", name, "rootfs", name)); err == nil {
			t.Errorf("%s is still in dist/", name)
		}
	}
	// The folders are free again.
	if err := os.WriteFile(filepath.Join(dir, "b/main.go"), []byte("package main\n\nfunc main() { println() }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if ids, _, err := runEach(t, in); err != nil || len(ids) != 2 {
		t.Errorf("%d images: %v", len(ids), err)
	}
}

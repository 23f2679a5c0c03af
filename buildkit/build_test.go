package buildkit_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

func small(t *testing.T) string {
	t.Helper()
	return txtar(t, `
-- go.mod --
module example.com/small

go 1.23
-- main.go --
package main

import "fmt"

func main() { fmt.Println("small") }
`)
}

// The user's functions run around the compiler: Before can generate what is
// compiled and shipped, After sees the binary.
func TestHooks(t *testing.T) {
	t.Parallel()
	dir := small(t)
	main := `package main

import (
	"fmt"

	_ "example.com/small/gen"
)

func main() { fmt.Println("small") }
`
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(main), 0o644); err != nil {
		t.Fatal(err)
	}
	var saw string
	built := mustBuild(t, dir, buildkit.Config{
		Files: []config.File{{From: "made.txt", To: "/srv/made.txt"}},
		Build: config.Build{Before: func(_ context.Context, b config.BuildInfo) error {
			root := b.Dir
			return errors.Join(
				os.Mkdir(filepath.Join(root, "gen"), 0o755),
				os.WriteFile(filepath.Join(root, "gen/gen.go"), []byte("package gen\n\nfunc init() { println(\"generated\") }\n"), 0o644),
				os.WriteFile(filepath.Join(root, "made.txt"), []byte("made"), 0o644))
		}, After: func(_ context.Context, b config.BuildInfo) error {
			binary := b.Binary
			out, err := exec.Command(binary).CombinedOutput()
			saw = string(out)
			return err
		}},
	})
	if saw != "generated\nsmall\n" {
		t.Errorf("the program that After ran says %q", saw)
	}
	if _, ok := built.Tree.Lookup("/srv/made.txt"); !ok {
		t.Error("the file that Before made is not in the image")
	}
}

// A build that fails leaves neither the program nor the archive of an earlier one,
// and no other build waiting.
func TestFailureLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := small(t)
	built := mustBuild(t, dir, buildkit.Config{})
	archive := writeArchive(t, built)
	if err := built.Close(); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "dist/small/rootfs/small")
	for _, path := range []string{archive, program} {
		if _, err := os.Stat(path); err != nil {
			t.Fatal(err)
		}
	}
	broken := errors.New("the signature cannot be added")
	if _, err := build(context.Background(), dir, buildkit.Config{
		Origin: "magefile.go:9", Build: config.Build{After: func(context.Context, config.BuildInfo) error { return broken }},
	}); !errors.Is(err, broken) || !strings.Contains(err.Error(), "magefile.go:9") {
		t.Errorf("the build fails with %v, want the hook's error and its place", err)
	}
	for _, path := range []string{archive, program} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there (%v)", path, err)
		}
	}
	mustBuild(t, dir, buildkit.Config{})
}

// Every event has a beginning and an end, in the order of the recipe.
func TestReport(t *testing.T) {
	t.Parallel()
	plans, err := resolve(small(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	open := ""
	built, err := buildkit.Build(context.Background(), plans[0], func(e buildkit.Event) {
		switch e.State {
		case buildkit.Started:
			if open != "" {
				t.Errorf("%s begins within %s", e.Step, open)
			}
			open = e.Step
		case buildkit.Done:
			if e.Step != open {
				t.Errorf("%s ends within %s", e.Step, open)
			}
			open, steps = "", append(steps, e.Step)
		default:
			t.Errorf("unexpected event %v", e)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer built.Close()
	if want := []string{"compile", "libraries", "verify", "rootfs", "image"}; !slices.Equal(steps, want) {
		t.Errorf("the steps are %q, want %q", steps, want)
	}
}

// Layers by rate of change: two programs share the layer below, a changed program
// changes the top one alone, and an unchanged image is not sent.
func TestLayers(t *testing.T) {
	t.Parallel()
	dir := small(t)
	config := buildkit.Config{Name: repo + "layers", Files: []config.File{{From: "go.mod", To: "/srv/"}}}
	first := mustBuild(t, dir, config)
	load(t, first)
	before := output(t, "", "docker", "inspect", "-f", "{{.Id}} {{.Metadata.LastTagTime}}", first.Plan.Reference)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	same := mustBuild(t, dir, config)
	archive := writeArchive(t, same)
	load(t, same)
	if _, err := os.Stat(archive); err != nil {
		t.Errorf("the archive of the very image is gone: %v", err)
	}
	if after := output(t, "", "docker", "inspect", "-f", "{{.Id}} {{.Metadata.LastTagTime}}", first.Plan.Reference); after != before {
		t.Errorf("the unchanged image was loaded again: %s, before %s", after, before)
	}
	if err := same.Close(); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() { println(\"changed\") }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	changed := mustBuild(t, dir, config)
	ref := load(t, changed)
	if len(first.Image.Layers) != 3 || len(changed.Image.Layers) != 3 {
		t.Fatalf("%d and %d layers, want system, files and program", len(first.Image.Layers), len(changed.Image.Layers))
	}
	for i, l := range changed.Image.Layers {
		if same := l.DiffID == first.Image.Layers[i].DiffID; same != (i < 2) {
			t.Errorf("layer %d (%s): the same is %t", i, l.CreatedBy, same)
		}
	}
	if got := output(t, "", "docker", "run", "--rm", ref); got != "changed\n" {
		t.Errorf("the program says %q", got)
	}
	if _, err := os.Stat(archive); !os.IsNotExist(err) {
		t.Errorf("the archive of the image before is still there (%v)", err)
	}
	if dangling := output(t, "", "docker", "images", "-q", "--filter", "dangling=true", "--filter", "label=io.github.fromscratch-go.image="+repo+"layers"); dangling != "" {
		t.Errorf("the image before is left without a name: %s", dangling)
	}
}

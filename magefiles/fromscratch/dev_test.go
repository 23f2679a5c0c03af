package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/progress"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/talk"
)

// imageDev reuses what a build in a Builder has found: the next plan does not run the go command of this machine again.
func TestReplanRecallsBuilder(t *testing.T) {
	image := buildertest.Image(t)
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := testkit.Txtar(t, `
-- go.mod --
module example.com/replan

go 1.23
-- main.go --
package main

func main() {}
`)
	tools := t.TempDir()
	log := filepath.Join(tools, "log")
	if err := os.WriteFile(filepath.Join(tools, "go"), []byte("#!/bin/sh\necho \"$*\" >>"+log+"\nexec "+real+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("PATH", tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	before, err := os.Getwd()
	if err == nil {
		err = os.Chdir(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chdir(before) })

	ctx := context.Background()
	start := talk.Start{Target: "imageDev", Configs: []buildkit.Config{{Build: config.Build{Container: image}}}}
	r, err := newRun(start, nil, progress.Plain(io.Discard), &output{stdout: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.close(ctx); err != nil {
			t.Error(err)
		}
	})
	m, err := r.images()
	if err != nil {
		t.Fatal(err)
	}
	plans, err := m.plans(ctx)
	if err != nil {
		t.Fatal(err)
	}
	built, err := buildkit.Build(ctx, plans[0], nil)
	if err == nil {
		err = built.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if asked, err := os.ReadFile(log); err != nil || len(asked) == 0 {
		t.Fatalf("the first build does not run the go command: %v", err)
	}
	if err := os.Truncate(log, 0); err != nil {
		t.Fatal(err)
	}
	l := newLoop(m, nil, plans[0], nil)
	if err := l.replan(ctx); err != nil {
		t.Fatal(err)
	}
	if asked, err := os.ReadFile(log); err != nil || len(asked) > 0 {
		t.Errorf("the go command ran again (%v):\n%s", err, asked)
	}
}

package buildkit_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

// announced builds a program that says something, announces its image to the engine, and loads it by the proxy. Tests
// run side by side: what two of them load differs in name and in what it says.
func (l *loads) announced(t *testing.T, dir, ref, says string) (*buildkit.Result, error) {
	t.Helper()
	ctx := context.Background()
	engine, err := docker.Open(ctx, docker.Options{Options: host.Options{Host: l.host}})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() { println(\""+says+"\") }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	in := inputs(dir, buildkit.Config{Repo: ref})
	plans, err := buildkit.Resolve(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	to := buildkit.NewDelivery(engine)
	defer to.Close()
	if err := to.Announce(ctx, plans[0]); err != nil {
		t.Fatal(err)
	}
	built, err := buildkit.Build(ctx, plans[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	err = built.Load(ctx, to)
	if closeErr := built.Close(); closeErr != nil {
		t.Fatal(closeErr)
	}
	return built, err
}

// sent are the sizes of the loads so far, and begins to count anew.
func (l *loads) sent() []int64 {
	l.busy.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	sizes := l.sizes
	l.sizes = nil
	return sizes
}

// An image that was announced is sent by the request that waits for it; none is sent when
// there is nothing new, and when that request fails, everything by another one.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	dir := small(t)
	l := watchLoads(t)
	ref := repo + "announced"
	t.Cleanup(func() { l.remove(t, ref) })
	load := func(says string, loads int) {
		t.Helper()
		if _, err := l.announced(t, dir, ref, says); err != nil {
			t.Fatal(err)
		}
		if got := output(t, "", "docker", "run", "--rm", ref); got != says+"\n" {
			t.Errorf("the image says %q, want %q", got, says)
		}
		var sent int
		for _, size := range l.sent() {
			if size > 100e3 { // more than how an archive begins
				sent++
			}
		}
		if sent != loads {
			t.Errorf("%d images were sent for %q, want %d", sent, says, loads)
		}
	}
	load("one", 1)
	load("one", 0)
	load("two", 1)
	l.answer = func(w http.ResponseWriter, r *http.Request) bool {
		l.answer = nil
		http.Error(w, `{"message":"it takes too long"}`, http.StatusServiceUnavailable)
		return true
	}
	load("three", 1)
	// The image goes between the announcement and the load: it is not taken for unchanged.
	l.before = func() { l.remove(t, ref) }
	load("three", 1)
}

// After a load that left layers out and failed, nothing that the engine has is relied on:
// not that the image is there, nor its layers.
func TestLoadThatFailed(t *testing.T) {
	t.Parallel()
	dir := small(t)
	l := watchLoads(t)
	ref := repo + "load-that-failed"
	t.Cleanup(func() { l.remove(t, ref) })
	if _, err := l.announced(t, dir, ref, "first"); err != nil {
		t.Fatal(err)
	}
	whole := l.sent()[0]
	l.answer = func(w http.ResponseWriter, r *http.Request) bool {
		http.Error(w, `{"message":"no space left on device"}`, http.StatusInternalServerError)
		return true
	}
	built, err := l.announced(t, dir, ref, "second")
	if err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Fatalf("the load has not failed: %v", err)
	}
	if len(l.sent()) != 2 {
		t.Error("everything was not sent once more")
	}
	in := inputs(dir, buildkit.Config{Repo: ref})
	if standing, _ := open(t, in).Unchanged(); len(standing) != 0 {
		t.Error("an image that was not loaded is remembered")
	}
	if _, err := os.Stat(filepath.Join(string(built.Plan.Dist()), "loading")); err != nil {
		t.Errorf("there is no mark of the load: %v", err)
	}
	l.answer = nil
	if _, err := l.announced(t, dir, ref, "second"); err != nil {
		t.Fatal(err)
	}
	if sizes := l.sent(); len(sizes) != 1 || sizes[0] < whole-whole/10 {
		t.Errorf("%d bytes were sent, want all of about %d at once", sizes, whole)
	}
	if _, err := os.Stat(filepath.Join(string(built.Plan.Dist()), "loading")); !os.IsNotExist(err) {
		t.Errorf("the mark of the load is still there: %v", err)
	}
}

// Of several images of a run, layers that one has brought are not sent again with the
// others.
func TestBesideSharesLayers(t *testing.T) {
	t.Parallel()
	const ballast = 4 << 20
	dir := module(t, map[string]string{
		"go.mod": `module example.com/two

go 1.23
`,
		"ballast": strings.Repeat("b", ballast),
		"a/main.go": `package main

func main() { println("a") }
`,
		"b/main.go": `package main

func main() { println("b") }
`,
	})
	files := []config.File{{From: "ballast", To: "/srv/ballast"}}
	l := watchLoads(t)
	engine, err := docker.Open(context.Background(), docker.Options{Options: host.Options{Host: l.host}})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	first := buildkit.NewDelivery(engine)
	defer first.Close()
	for _, name := range []string{"a", "b"} {
		built := mustBuild(t, dir, buildkit.Config{Main: "./" + name, Repo: repo + "beside-" + name, Files: files})
		t.Cleanup(func() { l.remove(t, repo+"beside-"+name) })
		to := first.Fork()
		defer to.Close()
		if err := built.Load(context.Background(), to); err != nil {
			t.Fatal(err)
		}
		if got := output(t, "", "docker", "run", "--rm", repo+"beside-"+name); got != name+"\n" {
			t.Errorf("the image says %q, want %q", got, name)
		}
	}
	if sizes := l.sent(); len(sizes) != 2 || sizes[0] < ballast || sizes[1] > sizes[0]-ballast {
		t.Errorf("%d bytes were sent, the second time too many", sizes)
	}
}

package release

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// What is tagged works as the README says, for somebody who has nothing of this repository but a version.
func TestHeavyTrial(t *testing.T) {
	testkit.Need(t, "git")
	dir := t.TempDir()
	var out bytes.Buffer
	cache := filepath.Join(dir, "cache") // for all projects
	env := []string{"XDG_CACHE_HOME=" + cache}
	err := Try(context.Background(), "../..", dir, "v0.0.1-trial", &out, env)
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	gomod, err := os.ReadFile(filepath.Join(dir, "trial/hello/go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(gomod), " v"); n != 2 {
		t.Errorf("go.mod has %d versions, want those of the targets and of mage:\n%s", n, gomod)
	}
	// A second project compiles nothing. One with another version has a worker of its own.
	for version, want := range map[string]int{"v0.0.1-trial": 0, "v0.0.2-trial": 1} {
		proxy, err := NewProxy(context.Background(), "../..", filepath.Join(dir, version), version)
		if err != nil {
			t.Fatal(err)
		}
		out.Reset()
		if _, err := (Trial{Proxy: proxy, Dir: filepath.Join(dir, version+"-trial"), Out: &out, Env: env}).Run(context.Background()); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		if n := strings.Count(out.String(), "compiling its worker"); n != want {
			t.Errorf("%s: the worker was compiled %d times, want %d:\n%s", version, n, want, out.String())
		}
	}
	workers, err := filepath.Glob(filepath.Join(cache, "fromscratch/workers/*"))
	if err != nil || len(workers) != 2 || filepath.Base(workers[0]) != "v0.0.1-trial" {
		t.Errorf("the workers are %q (%v), want one for each version", workers, err)
	}
}

// In a worktree, .git is a file.
func TestProxyOfAWorktree(t *testing.T) {
	testkit.Need(t, "git")
	ctx, dir := context.Background(), t.TempDir()
	repository, worktree := filepath.Join(dir, "repository"), filepath.Join(dir, "worktree")
	if err := os.MkdirAll(filepath.Join(repository, targetsDir), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", targetsDir + "/go.mod"} {
		if err := os.WriteFile(filepath.Join(repository, name), []byte("module example.com/any\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", "one"}, {"worktree", "add", "-q", worktree}} {
		if _, err := git(ctx, repository, args...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewProxy(ctx, worktree, filepath.Join(dir, "proxy"), "v1.0.0"); err != nil {
		t.Error(err)
	}
}

// A version is tagged once, for both modules, and only if everything is committed.
func TestTagRefuses(t *testing.T) {
	testkit.Need(t, "git")
	ctx, dir := context.Background(), t.TempDir()
	for _, args := range [][]string{{"init", "-q"}, {"commit", "-q", "--allow-empty", "-m", "one"}, {"tag", "magefiles/targets/v1.0.0"}} {
		if _, err := git(ctx, dir, args...); err != nil {
			t.Fatal(err)
		}
	}
	refuses := func(version, want string) {
		t.Helper()
		if err := Tag(ctx, dir, version, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\nfix: ") {
			t.Errorf("%s: %v, want an error with %q", version, err, want)
		}
	}
	refuses("1.0.0", "is no version")
	refuses("v2.0.0", "is no version")
	refuses("v1.0.0", "the tag magefiles/targets/v1.0.0 exists")
	if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	refuses("v1.0.1", "not committed")
}

package endtoend_test

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// imageCheck compares the image with the one that the registry has, if a limit for its growth is set. It pushes nothing.
func TestCheckGrowth(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	dir := project(t, map[string]string{
		"main.go":     "package main\n\nfunc main() {}\n",
		"magefile.go": magefileWith(`Tags: targets.Tags{"1", "latest"}, Files: []targets.File{{From: "asset", To: "/asset"}}, Check: targets.Check{MaxGrowth: "10%"}`),
		"asset":       "small",
	})
	env := []string{"DOCKER_HOST=unix:///nowhere/docker.sock", ownCache(t), "IMAGE_REPO=" + host + "/acme/hello", "IMAGE_TAG="}
	says := func(r result, rows ...string) {
		t.Helper()
		for _, row := range rows {
			if !regexp.MustCompile(row).MatchString(r.stdout) {
				t.Errorf("stdout does not match %q", row)
			}
		}
	}
	check := func(more ...string) result { t.Helper(); return mage(t, dir, append(env, more...), "imageCheck") }

	says(check().wantOK(t), `hello  growth    ok      [0-9.]+ kB compressed; nothing is pushed yet\n`)
	mage(t, dir, env, "imagePush").wantOK(t)
	says(check().wantOK(t), `hello  growth    ok      ([0-9.]+ kB) compressed, `+host+`/acme/hello:1 has [0-9.]+ kB \(\+0.0%\)\n`)
	// The tag of the next version is not there, the other one is.
	says(check("IMAGE_TAG=2").wantOK(t), host+`/acme/hello:latest has [0-9.]+ kB \(\+0.0%\)\n`)
	says(check("IMAGE_PLATFORM=linux/s390x").wantOK(t), `nothing is pushed yet\n`)

	asset := make([]byte, 500_000)
	if _, err := rand.Read(asset); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "asset"), asset, 0o644); err != nil {
		t.Fatal(err)
	}
	r := check()
	r.wantError(t, 1, `the image "hello" breaks the rule "growth"`, "and at most 10% more are allowed", "\nfix: ", "raise Check.MaxGrowth (magefile.go:")
	says(r, `hello  size      ok `, `hello  growth    fails   [0-9.]+ (kB|MB) compressed, `+host+`/acme/hello:1 has [0-9.]+ kB \(\+[0-9]{2,}\.[0-9]%\), and at most 10% more are allowed\n`)

	// Nothing can be compared without a registry, or with one that is broken.
	check("IMAGE_REPO=").wantError(t, 2, "hello:1", "fix: set Repo")
	check("IMAGE_REPO=127.0.0.1:1/acme/hello").wantError(t, 3, "127.0.0.1:1", "connection refused", "fix: see whether the registry runs")
	broken := registrytest.Start(t, registrytest.Options{})
	broken.Break(registrytest.GetManifest, registrytest.Page(http.StatusOK))
	check("IMAGE_REPO="+broken.Host+"/acme/hello").wantError(t, 3, "asking for the image in", "no JSON of an image", "fix: ")
	for _, q := range broken.Requests() {
		if q.Method != http.MethodGet && q.Method != http.MethodHead {
			t.Errorf("the registry got %s %s", q.Method, q.Path)
		}
	}
}

// The images of the examples are the same from another checkout, with everything compiled anew: static, with cgo, and compiled in a container.
func TestHeavyCheckReproducible(t *testing.T) {
	t.Parallel()
	same := func(t *testing.T, dir string) {
		r := mage(t, dir, nil, "imageCheck", "--", "-reproducible").wantOK(t)
		if !regexp.MustCompile(`reproducible  ok      a second build elsewhere has the same digest, [0-9a-f]{12}\n`).MatchString(r.stdout) {
			t.Errorf("stdout does not say so")
		}
	}
	t.Run("hello", func(t *testing.T) { same(t, example(t, "hello")) })
	t.Run("files", func(t *testing.T) { same(t, example(t, "files")) })
	t.Run("sqlite", func(t *testing.T) {
		testkit.NeedPackage(t, "sqlite3")
		same(t, example(t, "sqlite"))
	})
	t.Run("container", func(t *testing.T) {
		testkit.NeedEngine(t)
		same(t, builderProject(t, buildertest.Image(t), "", `Name: "fromscratch-test-check-container"`))
	})
	t.Run("two platforms in a subfolder of a repository", func(t *testing.T) {
		dir := project(t, map[string]string{
			"main.go": "package main\n\nfunc main() {}\n", "magefile.go": magefileWith(`Platforms: []string{"linux/amd64", "linux/arm64"}, Files: []targets.File{{From: "../shared", To: "/shared"}}`),
		})
		testkit.Output(t, filepath.Dir(dir), "git", "init", "--quiet")
		if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "shared"), []byte("shared"), 0o644); err != nil {
			t.Fatal(err)
		}
		same(t, dir)
	})
}

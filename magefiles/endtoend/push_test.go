package endtoend_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// Both images are pushed to the registry without an engine, and run after a pull.
func TestImagePush(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	testkit.Need(t, "skopeo")
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	dir := example(t, "files")
	refs := filepath.Join(dir, "refs.txt")
	caches := []string{ownCache(t), ownCache(t)}
	env := []string{"DOCKER_HOST=unix:///nowhere/docker.sock", caches[0], "IMAGE_REFS=" + refs}

	// A name without a registry is an error before anything is built.
	mage(t, dir, env, "imagePush").wantError(t, 2, "web:"+tag, "fix: set Repo", "IMAGE_REPO")
	// So is a variable with the wrong file.
	for _, wrong := range []struct{ variable, say string }{{"IMAGE_REFS=" + dir, "is a folder"}, {"IMAGE_REGISTRY_CA=" + dir + "/go.mod", "there is none in"}} {
		name, _, _ := strings.Cut(wrong.variable, "=")
		mage(t, dir, append(slices.Clone(env), "IMAGE_REPO="+host+"/acme/x", wrong.variable), "imagePush").wantError(t, 2, wrong.say, "fix: set "+name)
	}
	if _, err := os.Stat(filepath.Join(dir, "dist")); !os.IsNotExist(err) {
		t.Errorf("something was built: %v", err)
	}

	// Two machines: another cache, another dist.
	var lines []string
	for range 2 {
		for _, name := range []string{"web", "clock"} {
			e := append([]string{"IMAGE_NAME=" + name, "IMAGE_REPO=" + host + "/acme/" + name}, env...)
			r := mage(t, dir, e, "imagePush").wantOK(t)
			if !regexp.MustCompile(`^` + regexp.QuoteMeta(host+"/acme/"+name+":"+tag) + `@sha256:[0-9a-f]{64}\n$`).MatchString(r.stdout) {
				t.Errorf("stdout is %q, want the reference with its digest", r.stdout)
			}
			if got, err := os.ReadFile(refs); err != nil || string(got) != r.stdout {
				t.Errorf("the file has %q, %v; want %q", got, err, r.stdout)
			}
			lines = append(lines, r.stdout)
		}
		env[1] = caches[1]
		if err := os.RemoveAll(filepath.Join(dir, "dist")); err != nil {
			t.Fatal(err)
		}
	}
	// The names have the version of the compression library, because another version writes other bytes.
	kept, err := filepath.Glob(filepath.Join(strings.TrimPrefix(caches[0], "XDG_CACHE_HOME="), "fromscratch/layers/*-gzip-6-v1.*.blob"))
	if err != nil || len(kept) != 5 {
		t.Errorf("the cache has the layers %q, %v; want five: three and two", kept, err)
	}
	if lines[0] != lines[2] || lines[1] != lines[3] {
		t.Errorf("the digests change: %q", lines)
	}

	// Pulled, and run by the engine.
	ref, archive := "fromscratch-test-pushed:"+tag, filepath.Join(t.TempDir(), "image.tar")
	removeImages(t, ref)
	from := strings.Replace(strings.TrimSpace(lines[1]), ":"+tag, "", 1)
	if out, err := exec.Command("skopeo", "copy", "--insecure-policy", "--src-tls-verify=false", "docker://"+from, "docker-archive:"+archive+":"+ref).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	docker(t, "load", "--input", archive)
	if got := docker(t, "run", "--rm", "--label", "fromscratch-test", ref, "-at", "0"); !strings.HasPrefix(got, "here:  1970-01-01") {
		t.Errorf("the pulled image prints %q", got)
	}

	// A registry that does not answer is exit code 3, like an engine.
	gone := append([]string{"IMAGE_NAME=clock", "IMAGE_REPO=127.0.0.1:1/acme/clock"}, env...)
	mage(t, dir, gone, "imagePush").wantError(t, 3, "127.0.0.1:1", "connection refused", "fix: see whether the registry runs")
	// A failed run does not change the file.
	if got, err := os.ReadFile(refs); err != nil || string(got) != lines[3] {
		t.Errorf("the file has %q, %v; want %q", got, err, lines[3])
	}
}

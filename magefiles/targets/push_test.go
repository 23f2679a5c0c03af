package targets_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// registry starts Debian's docker-registry on this machine. It is stopped when the test ends.
func registry(t *testing.T) (host string) {
	t.Helper()
	testkit.Need(t, "docker-registry")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host = l.Addr().String()
	l.Close()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n", filepath.Join(dir, "data"), host)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command("docker-registry", "serve", config)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if cmd.Process.Kill() == nil {
			<-ended
		}
	})
	testkit.WaitFor(t, "the registry", func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the registry has ended: %v\n%s", err, log.String())
		default:
		}
		c, err := net.Dial("tcp", host)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return host
}

// Both images are pushed to the registry without an engine, and run after a pull.
func TestImagePush(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	testkit.Need(t, "skopeo")
	host := registry(t)
	dir := example(t, "files")
	refs := filepath.Join(dir, "refs.txt")
	// The go command keeps its cache, though that of fromscratch changes.
	goCache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	caches := []string{t.TempDir(), t.TempDir()}
	env := []string{"DOCKER_HOST=unix:///nowhere/docker.sock", "XDG_CACHE_HOME=" + caches[0], "IMAGE_REFS=" + refs,
		"GOCACHE=" + strings.TrimSpace(string(goCache))}

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
		env[1] = "XDG_CACHE_HOME=" + caches[1]
		if err := os.RemoveAll(filepath.Join(dir, "dist")); err != nil {
			t.Fatal(err)
		}
	}
	// The names have the version of the compression library, because another version writes other bytes.
	kept, err := filepath.Glob(filepath.Join(caches[0], "fromscratch/layers/*-gzip-6-v1.*.blob"))
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

// imageLayout writes a layout for each image, or one for all. A failed build removes the image's own layout.
func TestImageLayout(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "skopeo")
	dir := example(t, "files")
	env := []string{"DOCKER_HOST=unix:///nowhere/docker.sock", "IMAGE_OUTPUT=archive"}
	if got, want := mage(t, dir, env, "imageLayout").wantOK(t).stdout, dir+"/dist/web/layout\n"+dir+"/dist/clock/layout\n"; got != want {
		t.Errorf("stdout is %q, want %q", got, want)
	}
	inspect := func(layout string) {
		t.Helper()
		if out, err := exec.Command("skopeo", "inspect", "oci:"+layout).CombinedOutput(); err != nil {
			t.Errorf("skopeo: %v\n%s", err, out)
		}
	}
	inspect(dir + "/dist/web/layout")
	// Under another tag, it is still the only image in its layout.
	mage(t, dir, append(env, "IMAGE_TAG=2", "IMAGE_NAME=web"), "imageLayout").wantOK(t)
	inspect(dir + "/dist/web/layout:web:2")
	inspect(dir + "/dist/web/layout")

	shared := filepath.Join(t.TempDir(), "shared")
	for range 2 {
		if got := mage(t, dir, append(env, "IMAGE_LAYOUT="+shared), "imageLayout").wantOK(t).stdout; got != shared+"\n" {
			t.Errorf("stdout is %q, want the folder", got)
		}
	}
	inspect(shared + ":web:" + tag)
	inspect(shared + ":clock:" + tag)

	// A failed build leaves no layout of an earlier one, which would look like its result.
	if err := os.WriteFile(filepath.Join(dir, "cmd/web/broken.go"), []byte("package main\n\nfunc x() { y }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	mage(t, dir, append(env, "IMAGE_NAME=web"), "imageLayout").wantError(t, 1, "broken.go")
	if _, err := os.Stat(dir + "/dist/web/layout"); !os.IsNotExist(err) {
		t.Errorf("the layout of the earlier build is still there: %v", err)
	}
	inspect(shared + ":web:" + tag)
}

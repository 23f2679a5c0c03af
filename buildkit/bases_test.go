package buildkit_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

// The bases of these tests are made here: there is no registry to take any from.

// alpine is a root file system in the way of Alpine: musl, busybox and its accounts.
func alpine(t *testing.T) string {
	t.Helper()
	need(t, "busybox")
	loader, err := filepath.EvalSymlinks("/lib/ld-musl-x86_64.so.1")
	if err != nil {
		missing(t, "the package musl of amd64")
	}
	root := t.TempDir()
	for _, dir := range []string{"bin", "etc/ssl/certs", "lib", "usr/lib", "usr/bin", "var", "home/web", "root", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyTo(t, "/usr/bin/busybox", filepath.Join(root, "bin/busybox"), 0o755)
	copyTo(t, loader, filepath.Join(root, "lib/ld-musl-x86_64.so.1"), 0o755)
	for name, to := range map[string]string{
		"bin/sh": "/bin/busybox", "lib/libc.musl-x86_64.so.1": "ld-musl-x86_64.so.1", "var/run": "../run", "etc/ssl/cert.pem": "certs/ca-certificates.crt",
	} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"etc/passwd":        "root:x:0:0:root:/root:/bin/sh\nweb:x:101:101:web:/home/web:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
		"etc/group":         "root:x:0:root\nweb:x:101:\nnobody:x:65534:\n",
		"etc/os-release":    "ID=alpine\n",
		"etc/nsswitch.conf": "hosts: files dns\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	copyTo(t, bundle(t), filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"), 0o644)
	for name, mode := range map[string]os.FileMode{"root": 0o700, "tmp": 0o777 | os.ModeSticky} {
		if err := os.Chmod(filepath.Join(root, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		if err := os.Chown(filepath.Join(root, "home/web"), 101, 101); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func bundle(t *testing.T) string {
	t.Helper()
	const path = "/etc/ssl/certs/ca-certificates.crt"
	if _, err := os.Stat(path); err != nil {
		missing(t, "the package ca-certificates")
	}
	return path
}

func copyTo(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, mode); err != nil {
		t.Fatal(err)
	}
}

// debian is a root file system of a Debian release with its C library, unpacked and not configured. It is kept in the
// user's cache.
func debian(t *testing.T, release string, packages ...string) string {
	t.Helper()
	need(t, "apt-get", "dpkg-deb")
	cache, err := os.UserCacheDir()
	if err != nil {
		missing(t, err.Error())
	}
	sum := sha256.Sum256([]byte(fmt.Sprint(packages)))
	dir := filepath.Join(cache, "fromscratch-test", fmt.Sprintf("base-%s-%x", release, sum[:4]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	for _, deb := range debs(t, work, release, append([]string{"base-files", "libc6"}, packages...)) {
		output(t, work, "dpkg-deb", "-x", deb, filepath.Join(work, "root"))
	}
	// Whoever comes first puts it there; the others have made the same.
	made := dir + "-" + filepath.Base(work)
	output(t, work, "cp", "-a", filepath.Join(work, "root"), made)
	if err := os.Rename(made, dir); err != nil {
		output(t, "", "rm", "-rf", made)
	}
	return dir
}

// debs fetches packages of a release and what they depend on, base-files first: it may have the links of a merged /usr.
func debs(t *testing.T, work, release string, packages []string) []string {
	t.Helper()
	for _, dir := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mirror, _, _ := strings.Cut(output(t, "", "apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"), "\n")
	if mirror == "" {
		missing(t, "a Debian mirror in apt's configuration")
	}
	for name, text := range map[string]string{"status": "", "list": fmt.Sprintf("deb %s %s main\n", mirror, release)} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	options := []string{
		"-o", "Dir::State=" + work + "/state", "-o", "Dir::State::status=" + work + "/status", "-o", "Dir::Cache=" + work + "/cache",
		"-o", "Dir::Etc::sourcelist=" + work + "/list", "-o", "Dir::Etc::sourceparts=-", "-o", "APT::Architecture=amd64",
		"-o", "APT::Architectures=amd64", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", "-y", "--no-install-recommends",
	}
	output(t, work, "apt-get", append(options, "update", "--error-on=any")...)
	output(t, work, "apt-get", append(append(options, "--download-only", "install"), packages...)...)
	found, err := filepath.Glob(filepath.Join(work, "cache/archives/*.deb"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no packages: %v", err)
	}
	slices.SortStableFunc(found, func(a, b string) int {
		return strings.Compare(strings.TrimPrefix(filepath.Base(a), "base-files_"), strings.TrimPrefix(filepath.Base(b), "base-files_"))
	})
	return found
}

// imported brings a root file system into the engine as an image of ours, which the test's end removes.
func imported(t *testing.T, root, name string, changes ...string) string {
	t.Helper()
	need(t, "tar", "docker")
	ref := repo + "base-" + name + ":1"
	archive := filepath.Join(t.TempDir(), "root.tar")
	output(t, "", "tar", "-C", root, "--numeric-owner", "-cf", archive, ".")
	var args []string
	for _, c := range changes {
		args = append(args, "--change", c)
	}
	id := strings.TrimSpace(output(t, "", "docker", append(append([]string{"import"}, args...), archive, ref)...))
	// By its ID: another one may have taken the name.
	t.Cleanup(func() { exec.Command("docker", "image", "rm", "-f", id).Run() })
	return ref
}

// inputsOn are inputs whose bases are looked for in the engine, with a cache of the test's own.
func inputsOn(t *testing.T, dir string, configs ...buildkit.Config) buildkit.Inputs {
	t.Helper()
	engine, err := docker.Open(context.Background(), docker.Options{Options: host.Options{Getenv: os.Getenv}})
	if err != nil {
		missing(t, "a Docker Engine ("+err.Error()+")")
	}
	t.Cleanup(func() { engine.Close() })
	in := inputs(dir, configs...)
	in.Bases.Cache = cacheOf(t)
	in.Bases.Engine = func(context.Context) (*docker.Engine, error) { return engine, nil }
	return in
}

// caches are the folders of tests that look for a base several times.
var caches = map[string]string{}

func cacheOf(t *testing.T) string {
	t.Helper()
	if caches[t.Name()] == "" {
		caches[t.Name()] = t.TempDir()
	}
	return caches[t.Name()]
}

// buildOn builds the one image of a Config that has a base.
func buildOn(t *testing.T, dir string, c buildkit.Config) (*buildkit.Result, error) {
	t.Helper()
	plans, err := buildkit.Resolve(context.Background(), inputsOn(t, dir, c))
	if err != nil {
		return nil, err
	}
	built, err := buildkit.Build(context.Background(), plans[0], nil)
	if err == nil {
		t.Cleanup(func() {
			if err := built.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return built, err
}

func mustBuildOn(t *testing.T, dir string, c buildkit.Config) *buildkit.Result {
	t.Helper()
	built, err := buildOn(t, dir, c)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// wantWords fails when an error has not all the words.
func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error is\n%v\nwhich lacks %q", err, w)
		}
	}
}

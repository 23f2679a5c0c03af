package endtoend_test

import (
	"os"
	"path/filepath"
	"testing"
)

// A vendored project builds without the module cache.
func TestHeavyHostVendored(t *testing.T) {
	t.Parallel()
	dir := project(t, nil)
	if out, err := command(t, dir, nil, "go", "mod", "vendor").CombinedOutput(); err != nil {
		t.Fatalf("go mod vendor: %v\n%s", err, out)
	}
	// Without the module cache only the vendor folder is left.
	cache := []string{"MAGEFILE_CACHE=" + t.TempDir(), "GOFLAGS=-mod=vendor", "GOPROXY=off", "GOMODCACHE=" + t.TempDir()}
	mage(t, dir, cache, "imageRootfs").wantOK(t)
	wantRootfs(t, dir)
}

func wantRootfs(t *testing.T, dir string) {
	t.Helper()
	for _, file := range []string{"hello", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "data"} {
		if _, err := os.Lstat(filepath.Join(dir, "dist/hello/rootfs", file)); err != nil {
			t.Error(err)
		}
	}
}

// Variables of the environment that are meant for other builds have no effect.
func TestStrayEnvironment(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"GOOS=windows", "GOARCH=arm64", "CGO_ENABLED=1", "GOFLAGS=-mod=mod", "GOBIN=/nowhere"} {
		t.Run(env, func(t *testing.T) {
			t.Parallel()
			dir := project(t, nil)
			mage(t, dir, []string{anew, env}, "imageRootfs").wantOK(t)
			wantRootfs(t, dir)
		})
	}
}

// The error for a mistake in a magefile says what is wrong, where, and how to fix it.
func TestMistakes(t *testing.T) {
	t.Parallel()
	const head = `//go:build mage

package main

import (
	//mage:import
	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

var _ = targets.Configure(targets.Config{`
	for _, test := range []struct {
		name, config string
		want         []string
	}{
		{"cgo", `Cgo: "perhaps"`, []string{"fix: ", `"perhaps"`, "magefile.go:10"}},
		{"platform", `Platform: "plan9/amd64"`, []string{"fix: ", "plan9/amd64"}},
		{"port", `Ports: []string{"http"}`, []string{"fix: ", `"http"`}},
		{"user", `User: "nobody-knows"`, []string{"fix: ", "nobody-knows"}},
		{"missing file", `Files: []targets.File{{From: "assets", To: "/srv"}}`, []string{"fix: ", "assets", "magefile.go:10"}},
		{"name", `Name: "../evil"`, []string{"fix: ", "../evil"}},
		{"system name", `Name: "etc"`, []string{"fix: ", "/etc"}},
		{"repository", `Repo: "UPPER/Case"`, []string{"fix: ", "UPPER/Case"}},
		{"zone", `Timezones: []string{"Europe/Atlantis"}`, []string{"fix: ", "Europe/Atlantis"}},
		{"certificates", `Certificates: []string{"main.go"}`, []string{"fix: ", "main.go"}},
		{"health check", `Healthcheck: &targets.Healthcheck{Test: []string{"curl", "localhost"}}`, []string{"fix: ", "curl"}},
		{"decimal mode", `Dirs: []targets.Dir{{Path: "/srv", Mode: 755}}`, []string{"fix: write 0o755"}},
		{"folder in the place of the program", `Workdir: "/hello"`, []string{"fix: set Name", "/hello"}},
		{"plugins", `Plugins: []string{"font"}`, []string{"fix: ", `"font"`, "fonts"}},
		{"misspelled plugin group", `Plugins: []string{"auto", "gconf"}`, []string{"fix: ", `"gconf"`}},
		{"exclude", `Exclude: []string{"[a"}`, []string{"fix: ", `"[a"`}},
		{"library of a static program", `Cgo: "off", Libraries: []string{"libz.so.1"}`, []string{"fix: ", "libz.so.1", "static"}},
		{"owner", `Dirs: []targets.Dir{{Path: "/srv", Owner: "nobody-knows"}}`, []string{"fix: ", "nobody-knows"}},
		{"sysroot", `Sysroot: "/nowhere"`, []string{"fix: ", "/nowhere"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := project(t, map[string]string{"magefile.go": head + test.config + "})\n"})
			mage(t, dir, []string{"IMAGE_OUTPUT=archive"}, "image").wantError(t, 2, test.want...)
			if _, err := os.Stat(filepath.Join(dir, "dist/hello/image.tar")); !os.IsNotExist(err) {
				t.Errorf("a failed build wrote an archive (%v)", err)
			}
			mage(t, dir, nil, "imagePlan").wantError(t, 2, test.want...) // it checks the Config like a build
		})
	}
}

package targets_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A magefile can import the targets in several ways. Each of them runs a target, because
// mage -l only parses.
func TestHosts(t *testing.T) {
	t.Parallel()
	const imported = "//go:build mage\n\npackage main\n\n//mage:import\nimport _ \"github.com/fromscratch-go/fromscratch/magefiles/targets\"\n"
	const aliased = "//go:build mage\n\npackage main\n\n//mage:import img\nimport _ \"github.com/fromscratch-go/fromscratch/magefiles/targets\"\n\n// Image is the user's own target of that name.\nfunc Image() {}\n"
	const defaulted = "//go:build mage\n\npackage main\n\n//mage:import\nimport \"github.com/fromscratch-go/fromscratch/magefiles/targets\"\n\nvar Default = targets.ImageRootfs\n"
	for _, test := range []struct {
		name   string
		files  map[string]string
		target []string
	}{
		{"root magefile", map[string]string{"magefile.go": imported}, []string{"imageRootfs"}},
		{"magefiles folder", map[string]string{"magefile.go": "-", "magefiles/magefile.go": imported}, []string{"imageRootfs"}},
		{"alias", map[string]string{"magefile.go": aliased}, []string{"img:imageRootfs"}},
		{"default", map[string]string{"magefile.go": defaulted}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := project(t, test.files)
			mage(t, dir, []string{anew}, test.target...).wantOK(t)
			wantRootfs(t, dir)
		})
	}
}

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

// The command in the README works, with the version of mage in go.mod.
func TestGoToolMage(t *testing.T) {
	t.Parallel()
	dir := project(t, nil)
	runCommand(t, command(t, dir, nil, "go", "tool", "mage", "imageRootfs")).wantOK(t)
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

// A chosen engine that cannot be reached is an error. No archive is written instead.
func TestNoEngine(t *testing.T) {
	t.Parallel()
	dir := project(t, nil)
	none := []string{"DOCKER_HOST=unix:///nowhere/docker.sock"}
	r := mage(t, dir, none, "image")
	r.wantError(t, 3, "unix:///nowhere/docker.sock", "fix: ", "unset DOCKER_HOST", "IMAGE_OUTPUT=archive")
	if r.stdout != "" {
		t.Errorf("stdout is %q, want nothing", r.stdout)
	}
	archive := filepath.Join(dir, "dist/hello/image.tar")
	if _, err := os.Stat(archive); !os.IsNotExist(err) {
		t.Errorf("an archive was written, though none was asked for (%v)", err)
	}
	if r := mage(t, dir, append(none, "IMAGE_OUTPUT=archive"), "image").wantOK(t); r.stdout != archive+"\n" {
		t.Errorf("stdout is %q, want the path of the archive", r.stdout)
	}
	if _, err := os.Stat(archive); err != nil {
		t.Error(err)
	}
	mage(t, dir, append(none, "IMAGE_OUTPUT=docker"), "image").wantError(t, 3, "unix:///nowhere/docker.sock", "fix: ")
	mage(t, dir, none, "imageRun").wantError(t, 3, "unix:///nowhere/docker.sock", "fix: ")
	mage(t, dir, append(none, "IMAGE_PLATFORM=linux/amd64,linux/arm64"), "imageRun").wantError(t, 3, "unix:///nowhere/docker.sock", "fix: ")
	mage(t, dir, append(none, "IMAGE_OUTPUT=tape"), "image").wantError(t, 2, `"tape"`, "fix: ")

	// The engine decides the platform, which may not be this machine's. With a given platform no engine is needed.
	for _, target := range []string{"imageArchive", "imageLayout", "imageRootfs", "imagePlan"} {
		r := mage(t, dir, none, target)
		r.wantError(t, 3, "unix:///nowhere/docker.sock", "fix: ", "IMAGE_PLATFORM")
		if r.stdout != "" {
			t.Errorf("%s: stdout is %q, want nothing", target, r.stdout)
		}
		mage(t, dir, append(none, "IMAGE_PLATFORM=linux/"+runtime.GOARCH), target).wantOK(t)
		mage(t, dir, append(none, "IMAGE_OUTPUT=archive"), target).wantOK(t)
	}

	// imageClean works even if the program does not compile.
	if err := os.WriteFile(filepath.Join(dir, "broken.go"), []byte("package main\n\nimport \"example.com/nowhere\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	mage(t, dir, none, "imageClean").wantOK(t)
	if _, err := os.Stat(filepath.Join(dir, "dist")); !os.IsNotExist(err) {
		t.Errorf("after imageClean dist/ is still there (%v)", err)
	}
}

// The plan prints where each value comes from. It builds nothing.
func TestPlan(t *testing.T) {
	t.Parallel()
	dir := project(t, nil)
	r := mage(t, dir, []string{"IMAGE_REPO=registry.example/acme/hello"}, "imagePlan").wantOK(t)
	for _, want := range []string{"registry.example/acme/hello:" + tag, "env IMAGE_REPO", "magefile.go:", "8080", "HOME=/data"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("the plan does not have %q", want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "dist")); !os.IsNotExist(err) {
		t.Errorf("imagePlan created dist/ (%v)", err)
	}
}

// The error for a mistake in a magefile says what is wrong, where, and how to fix it.
func TestMistakes(t *testing.T) {
	t.Parallel()
	const head = "//go:build mage\n\npackage main\n\nimport (\n\t//mage:import\n\t\"github.com/fromscratch-go/fromscratch/magefiles/targets\"\n)\n\nvar _ = targets.Configure(targets.Config{"
	for _, test := range []struct {
		name, config string
		code         int
		want         []string
	}{
		{"no such main", `Main: "./cmd/nowhere"`, 2, []string{"fix: ", "./cmd/nowhere", "magefile.go:10"}},
		{"cgo", `Cgo: "perhaps"`, 2, []string{"fix: ", `"perhaps"`, "magefile.go:10"}},
		{"platform", `Platform: "plan9/amd64"`, 2, []string{"fix: ", "plan9/amd64"}},
		{"port", `Ports: []string{"http"}`, 2, []string{"fix: ", `"http"`}},
		{"user", `User: "nobody-knows"`, 2, []string{"fix: ", "nobody-knows"}},
		{"missing file", `Files: []targets.File{{From: "assets", To: "/srv"}}`, 2, []string{"fix: ", "assets", "magefile.go:10"}},
		{"name", `Name: "../evil"`, 2, []string{"fix: ", "../evil"}},
		{"system name", `Name: "etc"`, 2, []string{"fix: ", "/etc"}},
		{"repository", `Repo: "UPPER/Case"`, 2, []string{"fix: ", "UPPER/Case"}},
		{"zone", `Timezones: []string{"Europe/Atlantis"}`, 2, []string{"fix: ", "Europe/Atlantis"}},
		{"certificates", `Certificates: []string{"main.go"}`, 2, []string{"fix: ", "main.go"}},
		{"entrypoint", `Entrypoint: []string{"/bin/sh", "-c", "x"}`, 2, []string{"fix: ", "/bin/sh", "no shell"}},
		{"health check", `Healthcheck: &targets.Healthcheck{Test: []string{"curl", "localhost"}}`, 2, []string{"fix: ", "curl"}},
		{"decimal mode", `Dirs: []targets.Dir{{Path: "/srv", Mode: 755}}`, 2, []string{"fix: write 0o755"}},
		{"folder in the place of the program", `Workdir: "/hello"`, 2, []string{"fix: set Name", "/hello"}},
		{"plugins", `Plugins: []string{"font"}`, 2, []string{"fix: ", `"font"`, "fonts"}},
		{"misspelled plugin group", `Plugins: []string{"auto", "gconf"}`, 2, []string{"fix: ", `"gconf"`}},
		{"exclude", `Exclude: []string{"[a"}`, 2, []string{"fix: ", `"[a"`}},
		{"library of a static program", `Cgo: "off", Libraries: []string{"libz.so.1"}`, 2, []string{"fix: ", "libz.so.1", "static"}},
		{"owner", `Dirs: []targets.Dir{{Path: "/srv", Owner: "nobody-knows"}}`, 2, []string{"fix: ", "nobody-knows"}},
		{"sysroot", `Sysroot: "/nowhere"`, 2, []string{"fix: ", "/nowhere"}},
		{"compile error", `Tags: []string{"broken"}`, 1, []string{"broken.go:5", "undefined: oops"}}, // the compiler's message needs no fix
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := project(t, map[string]string{
				"magefile.go": head + test.config + "})\n",
				"broken.go":   "//go:build broken\n\npackage main\n\nfunc init() { oops() }\n",
			})
			mage(t, dir, []string{"IMAGE_OUTPUT=archive"}, "image").wantError(t, test.code, test.want...)
			if _, err := os.Stat(filepath.Join(dir, "dist/hello/image.tar")); !os.IsNotExist(err) {
				t.Errorf("a failed build wrote an archive (%v)", err)
			}
			// The plan checks the Config like a build. It is also printed if the program does not compile.
			if test.code == 2 {
				mage(t, dir, nil, "imagePlan").wantError(t, 2, test.want...)
			} else {
				mage(t, dir, nil, "imagePlan").wantOK(t)
			}
		})
	}
}

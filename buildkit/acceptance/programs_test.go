package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildtest"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// crane is a static program, given by its import path in a module that go.mod requires.
// It validates its own image.
func TestHeavyAcceptCrane(t *testing.T) {
	t.Parallel()
	built := buildtest.MustBuild(t, testkit.Copy(t, filepath.Join("../testdata", "crane")), buildkit.Config{
		Main: "github.com/google/go-containerregistry/cmd/crane", Repo: buildtest.Repo + "crane",
	})
	ref := buildtest.Load(t, built)
	archive := filepath.Join(t.TempDir(), "image.tar")
	testkit.Output(t, "", "docker", "save", "-o", archive, ref)
	if err := os.Chmod(archive, 0o644); err != nil {
		t.Fatal(err)
	}
	out := testkit.Output(t, "", "docker", "run", "--rm", "-v", archive+":/data/image.tar:ro", ref, "validate", "--tarball", "/data/image.tar")
	if !strings.Contains(out, "PASS") {
		t.Errorf("crane prints %q about its own image, want PASS", out)
	}
}

// caddy is a server that keeps its configuration below its home.
func TestHeavyAcceptCaddy(t *testing.T) {
	t.Parallel()
	built := buildtest.MustBuild(t, testkit.Copy(t, filepath.Join("../testdata", "caddy")), buildkit.Config{
		Main: "github.com/caddyserver/caddy/v2/cmd/caddy", Repo: buildtest.Repo + "caddy",
		Cmd: []string{"file-server", "--listen", ":8080", "--root", "/etc"},
	})
	ref := buildtest.Load(t, built)
	id := strings.TrimSpace(testkit.Output(t, "", "docker", "run", "-d", "--label", "fromscratch-test", "-p", "127.0.0.1::8080", ref))
	t.Cleanup(func() { testkit.Output(t, "", "docker", "rm", "-f", id) })
	address := strings.TrimSpace(testkit.Output(t, "", "docker", "port", id, "8080/tcp"))
	if page := get(t, "http://"+address+"/passwd"); !strings.Contains(page, "nobody:x:65534:65534") {
		t.Errorf("caddy serves %q, want the image's /etc/passwd", page)
	}
}

// go-sqlite3 compiles SQLite from C. A sort that is larger than SQLite's cache needs a
// folder for temporary files.
func TestHeavyAcceptBundledSQLite(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "gcc")
	built := buildtest.MustBuild(t, testkit.Copy(t, filepath.Join("../testdata", "bundled")), buildkit.Config{Repo: buildtest.Repo + "bundled"})
	if got := testkit.Output(t, "", "docker", "run", "--rm", buildtest.Load(t, built)); got != "rows: 199999\n" {
		t.Errorf("the program prints %q", got)
	}
}

// govips loads about two hundred libraries. It resizes a PNG.
func TestHeavyAcceptGovips(t *testing.T) {
	t.Parallel()
	testkit.NeedPackage(t, "vips")
	built := buildtest.MustBuild(t, testkit.Copy(t, filepath.Join("../testdata", "govips")), buildkit.Config{Repo: buildtest.Repo + "govips", Files: []config.File{{From: buildtest.Picture(t), To: "/srv/picture.png"}}})
	if n := len(built.Libraries.Objects); n < 50 {
		t.Errorf("the closure has %d objects, want at least 50", n)
	}
	if got := testkit.Output(t, "", "docker", "run", "--rm", buildtest.Load(t, built), "/srv/picture.png"); got != "32x16 png\n" {
		t.Errorf("the program prints %q", got)
	}
}

// A program among Files starts in the image of a static program, which loads nothing itself: its loader and its libraries come along.
func TestHeavyAcceptExecutableOfFiles(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "gpg")
	dir := testkit.Txtar(t, `
-- go.mod --
module example.com/signed

go 1.23
-- main.go --
package main

import (
	"fmt"
	"os"
	"os/exec"
)

func main() {
	out, err := exec.Command("/usr/bin/gpg", "--batch", "--homedir", "/data", "--print-md", "SHA256", "/etc/group").Output()
	fmt.Printf("%.30s", out)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
`)
	built := buildtest.MustBuild(t, dir, buildkit.Config{
		Repo: buildtest.Repo + "signed", Build: config.Build{Cgo: "off"}, Files: []config.File{{From: "/usr/bin/gpg", To: "/usr/bin/"}},
	})
	if len(built.Libraries.Executables) != 1 {
		t.Errorf("executables: %+v", built.Libraries.Executables)
	}
	if got := testkit.Output(t, "", "docker", "run", "--rm", buildtest.Load(t, built)); !strings.HasPrefix(got, "/etc/group: ") {
		t.Errorf("the program prints %q", got)
	}
	if !slices.ContainsFunc(built.Notes, func(n string) bool { return strings.Contains(n, "only those of Files: /usr/bin/gpg") }) {
		t.Errorf("notes %q", built.Notes)
	}
}

// get requests a page from a server that may still be starting.
func get(t *testing.T, url string) string {
	t.Helper()
	return ask(t, url, nil)
}

// ask sends a request, by POST if it has a body, until the server answers.
func ask(t *testing.T, url string, body []byte) string {
	t.Helper()
	var resp *http.Response
	var err error
	testkit.WaitFor(t, "an answer of "+url, func() bool {
		if body == nil {
			resp, err = http.Get(url)
		} else {
			resp, err = http.Post(url, "application/octet-stream", bytes.NewReader(body))
		}
		return err == nil
	}, func() string { return fmt.Sprint(err) })
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %s: %s (%v)", url, resp.Status, got, err)
	}
	return string(got)
}

// Other tools read the archive: skopeo its configuration, podman and docker load it.
func TestArchiveIsReadByOthers(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "podman", "skopeo")
	testkit.NeedEngine(t)
	dir := testkit.Txtar(t, `
-- go.mod --
module example.com/archived

go 1.23
-- main.go --
package main

import (
	"fmt"
	"os"
)

func main() { fmt.Println("uid", os.Getuid(), "in", os.Getenv("HOME")) }
`)
	built := buildtest.MustBuild(t, dir, buildkit.Config{Repo: buildtest.Repo + "archived"})
	paths, err := buildkit.ArchiveAll(context.Background(), []*buildkit.Result{built}, built.Plan.Platform)
	if err != nil {
		t.Fatal(err)
	}
	path := paths[0]
	if config := testkit.Output(t, "", "skopeo", "inspect", "--config", "docker-archive:"+path); !regexp.MustCompile(`"User":\s*"65534:65534"`).MatchString(config) {
		t.Errorf("skopeo reads the configuration %s", config)
	}
	storage := t.TempDir()
	podman := []string{"--root", filepath.Join(storage, "root"), "--runroot", filepath.Join(storage, "run"), "--storage-driver", "vfs"}
	if got := testkit.Output(t, "", "podman", append(podman, "load", "-q", "-i", path)...); !strings.Contains(got, buildtest.Repo+"archived") {
		t.Errorf("podman loads %q", got)
	}
	if got := testkit.Output(t, "", "docker", "load", "-q", "-i", path); !strings.Contains(got, buildtest.Repo+"archived:latest") {
		t.Errorf("docker loads %q", got)
	}
	t.Cleanup(func() { exec.Command("docker", "image", "rm", buildtest.Repo+"archived:latest").Run() })
	if got, want := testkit.Output(t, "", "docker", "run", "--rm", buildtest.Repo+"archived:latest"), fmt.Sprintln("uid 65534 in /data"); got != want {
		t.Errorf("the program prints %q, want %q", got, want)
	}
}

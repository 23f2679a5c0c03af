package endtoend_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// The server answers as uid 65534, its health check is healthy, and it trusts an HTTPS
// server by the certificates in its image.
func TestExampleHello(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	dir := example(t, "hello")
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "trusted") }))
	secure.Listener.Close()
	secure.Listener = listenEverywhere(t)
	secure.StartTLS()
	defer secure.Close()
	removeImages(t, "hello:"+tag)

	ref := mage(t, dir, []string{"SSL_CERT_FILE=" + bundleWith(t, secure)}, "image").wantOK(t).stdout
	if ref != "hello:"+tag+"\n" {
		t.Errorf("stdout is %q, want only the reference", ref)
	}
	id := container(t, "-p", "127.0.0.1::8080", strings.TrimSpace(ref))
	base := "http://" + strings.TrimSpace(docker(t, "port", id, "8080/tcp"))
	if got := get(t, base+"/"); !strings.Contains(got, "as uid 65534 in /data") {
		t.Errorf("the server says %q, want uid 65534 and its home", got)
	}
	port := secure.Listener.Addr().(*net.TCPAddr).Port
	target := fmt.Sprintf("https://%s:%d/", certificateName, port)
	if got := get(t, base+"/fetch?url="+url.QueryEscape(target)); got != "trusted" {
		t.Errorf("the HTTPS server answers %q, want \"trusted\"", got)
	}
	testkit.WaitFor(t, "the health check", func() bool {
		return strings.TrimSpace(docker(t, "inspect", "-f", "{{.State.Health.Status}}", id)) == "healthy"
	})
}

// The cgo program writes rows to /data and reads them, with the system's SQLite.
func TestExampleSqlite(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	testkit.NeedPackage(t, "sqlite3")
	dir := example(t, "sqlite")
	removeImages(t, "sqlite:"+tag)
	if out := mage(t, dir, nil, "imageRun").wantOK(t).stdout; !strings.HasPrefix(out, "visit 1 at ") {
		t.Errorf("imageRun printed %q, want the first row", out)
	}
	const volume = "fromscratch-test-sqlite"
	docker(t, "volume", "create", "--label", "fromscratch-test", volume)
	t.Cleanup(func() { docker(t, "volume", "rm", volume) })
	var out string
	for range 2 {
		out = docker(t, "run", "--rm", "-v", volume+":/data", "sqlite:"+tag)
	}
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[1], "visit 2 at ") {
		t.Errorf("the second run printed %q, want two rows", out)
	}
}

// The programs of one module have their files, user, zones, arguments and exit codes.
func TestExampleFiles(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	dir := example(t, "files")
	removeImages(t, "web:"+tag, "clock:"+tag)
	if out := mage(t, dir, nil, "image").wantOK(t).stdout; out != "web:"+tag+"\nclock:"+tag+"\n" {
		t.Errorf("stdout is %q, want both references", out)
	}

	id := container(t, "-p", "127.0.0.1::8080", "web:"+tag)
	base := "http://" + strings.TrimSpace(docker(t, "port", id, "8080/tcp"))
	for page, file := range map[string]string{"/": "index.html", "/css/style.css": "css/style.css", "/start.html": "index.html"} {
		want, err := os.ReadFile(filepath.Join(dir, "site", file))
		if err != nil {
			t.Fatal(err)
		}
		if got := get(t, base+page); got != string(want) {
			t.Errorf("%s is %q, want %s", page, got, file)
		}
	}
	if logs, err := exec.Command("docker", "logs", id).CombinedOutput(); err != nil || !strings.Contains(string(logs), "as uid 1000") {
		t.Errorf("the server logs %q (%v), want uid 1000", logs, err)
	}

	mage(t, dir, nil, "imageRun").wantError(t, 2, "clock", "web", "fix: ", "IMAGE_NAME")
	r := mage(t, dir, []string{"IMAGE_NAME=clock"}, "imageRun", "--", "-at", "0", "-zone", "Asia/Tokyo", "-exit", "42")
	if r.code != 42 {
		t.Errorf("exit code %d, want the program's 42", r.code)
	}
	if want := "here:  1970-01-01 01:00 CET\nthere: 1970-01-01 09:00 JST\n"; r.stdout != want {
		t.Errorf("the clock says %q, want %q", r.stdout, want)
	}
}

// certificateName is the host name in httptest's certificate.
const certificateName = "example.com"

// listenEverywhere listens on all addresses: the one by which containers reach the host
// depends on the engine's networks.
func listenEverywhere(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// bundleWith returns a copy of the host's bundle with the server's certificate added, as in
// a company with its own certificate authority.
func bundleWith(t *testing.T, server *httptest.Server) string {
	t.Helper()
	host, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		testkit.Missing(t, "the host's certificate bundle")
	}
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	path := filepath.Join(t.TempDir(), "bundle.crt")
	if err := os.WriteFile(path, append(host, own...), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// container starts a container. It is removed when the test ends.
func container(t *testing.T, args ...string) string {
	t.Helper()
	args = append([]string{"run", "-d", "--label", "fromscratch-test", "--add-host", certificateName + ":host-gateway"}, args...)
	id := strings.TrimSpace(docker(t, args...))
	t.Cleanup(func() { docker(t, "rm", "-f", id) })
	return id
}

// get requests a page from a server that may still be starting.
func get(t *testing.T, url string) string {
	t.Helper()
	var body []byte
	testkit.WaitFor(t, url, func() bool {
		resp, err := http.Get(url)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		if body, err = io.ReadAll(resp.Body); err != nil {
			return false
		}
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s answers %s: %s", url, resp.Status, body)
		}
		return true
	})
	return string(body)
}

// The version of a service comes from git; outside of a repository there is another one.
func TestExampleService(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	testkit.Need(t, "git")
	dir := example(t, "service")
	removeImages(t, "service:"+tag)
	env := []string{"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CEILING_DIRECTORIES=" + filepath.Dir(dir)}
	for _, want := range []string{"dev", "v1.2.3"} {
		if want != "dev" {
			for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", "one"}, {"tag", want}} {
				cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("git %q: %v\n%s", args, err, out)
				}
			}
		}
		mage(t, dir, env, "image").wantOK(t)
		id := container(t, "-p", "127.0.0.1::8080", "service:"+tag)
		if got := get(t, "http://"+strings.TrimSpace(docker(t, "port", id, "8080/tcp"))+"/version"); got != want+"\n" {
			t.Errorf("the server has the version %q, want %q", got, want)
		}
		if got := docker(t, "inspect", "-f", `{{index .Config.Labels "org.opencontainers.image.version"}}`, id); got != want+"\n" {
			t.Errorf("the label is %q, want %q", got, want)
		}
		testkit.WaitFor(t, "the health check", func() bool {
			return strings.TrimSpace(docker(t, "inspect", "-f", "{{.State.Health.Status}}", id)) == "healthy"
		})
	}
}

// Three modules of a workspace are three images.
func TestExampleWorkspace(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	dir := example(t, "workspace")
	removeImages(t, "mail:"+tag, "orders:"+tag, "stock:"+tag)
	if out := mage(t, dir, nil, "image").wantOK(t).stdout; out != "mail:"+tag+"\nstock:"+tag+"\norders:"+tag+"\n" {
		t.Errorf("stdout is %q, want three references", out)
	}
	if out := mage(t, dir, []string{"IMAGE_NAME=orders"}, "imageRun").wantOK(t).stdout; out != "this is orders\n" {
		t.Errorf("the service says %q", out)
	}
}

// A program that starts a shell is put on an image that has one.
func TestExampleBase(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	dir := example(t, "base")
	base := busyboxImage(t)
	removeImages(t, "base:"+tag)
	if out := mage(t, dir, []string{"EXAMPLE_BASE=" + base}, "imageRun").wantOK(t).stdout; out != "a shell is there\n" {
		t.Errorf("the program says %q", out)
	}
}

// busyboxImage makes an image with a shell, and returns its name.
func busyboxImage(t *testing.T) string {
	t.Helper()
	testkit.Need(t, "busybox")
	base := "fromscratch-test-example-base:" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
	removeImages(t, base)
	pack := exec.Command("sh", "-c", `d=$(mktemp -d) && mkdir $d/bin && cp "$(command -v busybox)" $d/bin/busybox && ln -s busybox $d/bin/sh &&
		tar -C $d -c . | docker import - "$0"; rm -r $d`, base)
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return base
}

// A cgo program has the C library of the container that compiled it.
func TestHeavyExampleContainer(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	dir := example(t, "container")
	removeImages(t, "container:"+tag)
	env := []string{"EXAMPLE_CONTAINER=" + buildertest.Image(t), ownCache(t)}
	if out := mage(t, dir, env, "imageRun").wantOK(t).stdout; !strings.HasPrefix(out, "compiled with cgo, runs with glibc 2.") {
		t.Errorf("the program says %q", out)
	}
}

// A program of musl brings musl along.
func TestExampleMusl(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	testkit.Need(t, "musl-gcc")
	dir := example(t, "musl")
	removeImages(t, "musl:"+tag)
	if out := mage(t, dir, nil, "imageRun").wantOK(t).stdout; out != "hello from C, with musl\n" {
		t.Errorf("the program says %q", out)
	}
}

// Some two hundred libraries come along without any configuration, and make a thumbnail.
func TestHeavyExampleThumbnails(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	testkit.NeedPackage(t, "vips")
	dir := example(t, "thumbnails")
	removeImages(t, "thumbnails:"+tag)
	mage(t, dir, nil, "image").wantOK(t)
	picture := image.NewRGBA(image.Rect(0, 0, 400, 300))
	for i := range picture.Pix {
		picture.Pix[i] = byte(i * 7)
	}
	var in, out bytes.Buffer
	if err := png.Encode(&in, picture); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("docker", "run", "--rm", "-i", "thumbnails:"+tag)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	small, err := jpeg.DecodeConfig(&out)
	if err != nil || small.Width != 120 || small.Height != 120 {
		t.Errorf("the thumbnail is %d×%d (%v)", small.Width, small.Height, err)
	}
}

// A program that uses package buildkit makes an image of itself.
func TestHeavyExamplePlain(t *testing.T) {
	t.Parallel()
	dir := example(t, "plain")
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "dist/plain/image.tar\n") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "dist/plain/image.tar")); err != nil {
		t.Error(err)
	}
}

// Each example is tested here, and has a README.
func TestExamplesAreTested(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("examples_test.go")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := os.ReadDir(filepath.Join(root(t), "examples"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if !strings.Contains(string(source), fmt.Sprintf("example(t, %q)", f.Name())) {
			t.Errorf("no test builds examples/%s", f.Name())
		}
		if _, err := os.Stat(filepath.Join(root(t), "examples", f.Name(), "README.md")); err != nil {
			t.Error(err)
		}
	}
}

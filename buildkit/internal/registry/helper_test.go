package registry_test

import (
	"archive/tar"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
)

var skip = testkit.Skip

// run runs a program, which must succeed, and returns its stdout.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// text is a regular file with content from memory.
func text(name, content string) image.File {
	return image.File{
		Header: tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))},
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}
}

// noise is content that does not compress. It is the same for each seed.
func noise(seed uint64, size int) string {
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func layer(t *testing.T, files ...image.File) *image.Layer {
	t.Helper()
	l, err := image.NewLayer(context.Background(), files, image.LayerOptions{CreatedBy: "a layer"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// imageOn returns an image for an architecture.
func imageOn(t *testing.T, arch string, layers ...*image.Layer) *image.Image {
	t.Helper()
	img, err := image.New(image.Config{Platform: image.Platform{Architecture: arch}, Entrypoint: []string{"/app"}}, layers)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// hello returns an image of two layers. The second one is different for each seed.
func hello(t *testing.T, seed uint64) *image.Image {
	t.Helper()
	return imageOn(t, "amd64", layer(t, text("etc/passwd", strings.Repeat("root:x:0:0::/:\n", 4000))), layer(t, text("app", noise(seed, 300_000))))
}

// The login of registries that ask for one, as htpasswd -B writes it.
const (
	user, password = "fromscratch", "pass word:42"
	htpasswd       = "fromscratch:$2y$05$lQTlhRKh4H2U1nM/kQZ9..PJOx.uaZJnWI7Xqpzw3HhYDPhbQdaIe\n"
)

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// proxy forwards requests to a registry, records them, and can break them.
type proxy struct {
	host string

	mu       sync.Mutex
	requests []string // "PUT /v2/…", in order
	// meddle answers instead of the registry when it returns true.
	meddle func(w http.ResponseWriter, r *http.Request) bool
}

// startProxy starts a proxy for the registry.
func startProxy(t *testing.T, host string, meddle func(http.ResponseWriter, *http.Request) bool) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startProxyAt(t, host, l, meddle)
}

// startProxyAt starts a proxy at a given address.
func startProxyAt(t *testing.T, host string, l net.Listener, meddle func(http.ResponseWriter, *http.Request) bool) *proxy {
	t.Helper()
	p := &proxy{meddle: meddle}
	behind := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	behind.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.requests = append(p.requests, r.Method+" "+r.URL.Path)
		p.mu.Unlock()
		if p.meddle == nil || !p.meddle(w, r) {
			behind.ServeHTTP(w, r)
		}
	}))
	front.Listener.Close()
	front.Listener, front.Config.ErrorLog = l, quiet
	front.Start()
	t.Cleanup(front.Close)
	p.host = front.Listener.Addr().String()
	return p
}

// count returns the number of requests since the last forget with a method and a text in their path.
func (p *proxy) count(method, text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, r := range p.requests {
		if (method == "" || strings.HasPrefix(r, method+" ")) && strings.Contains(r, text) {
			n++
		}
	}
	return n
}

func (p *proxy) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = nil
}

// request returns a push with the required fields only.
func request(t *testing.T, host string, images ...*image.Image) registry.PushRequest {
	t.Helper()
	return registry.PushRequest{
		Images: images, Repository: host + "/acme/hello", Tags: []string{"1"}, Cache: t.TempDir(),
		Wait: time.Millisecond, // the tests need not wait
	}
}

// push pushes, which must succeed.
func push(t *testing.T, r registry.PushRequest) registry.Pushed {
	t.Helper()
	pushed, err := registry.Push(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return pushed
}

// wantError checks that err has all the parts, and a fix only in its last line.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	if strings.Contains(err.Error(), password) || strings.Contains(err.Error(), basic) {
		t.Errorf("error %q has the password", err)
	}
	if strings.Contains(err.Error(), "fix: ") && !strings.HasPrefix(lastLine(err.Error()), "fix: ") {
		t.Errorf("error %q does not end with its fix", err)
	}
}

func lastLine(s string) string { return s[strings.LastIndex(s, "\n")+1:] }

// wantNoTemps checks that no temporary file is left in a folder.
func wantNoTemps(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("there are %q left (%v)", left, err)
	}
}

// shortDir returns a temporary folder with a short path: podman allows at most 50 characters for its run root.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "fromscratch-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

package buildkit_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

// loads counts what a build sends to an engine. It is a proxy between the two, and
// can do something before it passes a load on.
type loads struct {
	host   string
	busy   sync.WaitGroup // requests that have not ended: the client has its answer before they have
	mu     sync.Mutex
	sizes  []int64
	before func()                                            // once
	answer func(w http.ResponseWriter, r *http.Request) bool // instead of the engine, if it returns true
}

// remove removes an image.
func (l *loads) remove(t *testing.T, ref string) {
	t.Helper()
	exec.Command("docker", "image", "rm", "-f", ref).Run()
}

func watchLoads(t *testing.T) *loads {
	t.Helper()
	ctx := context.Background()
	direct, err := docker.Open(ctx, docker.Options{Options: host.Options{Getenv: os.Getenv}})
	if err != nil {
		missing(t, "a Docker Engine ("+err.Error()+")")
	}
	defer direct.Close()
	socket, local := strings.CutPrefix(direct.Host(), "unix://")
	if !local {
		missing(t, "an engine behind a local socket")
	}
	l := &loads{host: "unix://" + filepath.Join(t.TempDir(), "proxy.sock")}
	listener, err := net.Listen("unix", strings.TrimPrefix(l.host, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/images/load") {
			if l.before != nil {
				l.before()
				l.before = nil
			}
			counted := &counter{ReadCloser: r.Body}
			r.Body = counted
			l.busy.Add(1)
			defer func() { l.mu.Lock(); l.sizes = append(l.sizes, counted.n); l.mu.Unlock(); l.busy.Done() }()
			if l.answer != nil && l.answer(w, r) {
				return
			}
		}
		proxy.ServeHTTP(w, r)
	})}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return l
}

// counter counts what is read through it.
type counter struct {
	io.ReadCloser
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	return n, err
}

// load loads an image through the proxy.
func (l *loads) load(t *testing.T, built *buildkit.Result) {
	t.Helper()
	engine, err := docker.Open(context.Background(), docker.Options{Options: host.Options{Host: l.host}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { exec.Command("docker", "image", "rm", "-f", built.Plan.Reference).Run() })
	to := buildkit.NewDelivery(engine)
	defer to.Close()
	if err := built.Load(context.Background(), to); err != nil {
		t.Fatal(err)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	if err := built.Close(); err != nil {
		t.Fatal(err)
	}
}

// Only what changed is sent; and when the engine has lost what was left out,
// everything is, once.
func TestLoadSendsWhatChanged(t *testing.T) {
	t.Parallel()
	const ballast = 4 << 20
	dir := small(t)
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, ballast), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg := buildkit.Config{Repo: repo + "incremental", Files: []config.File{{From: "ballast", To: "/srv/ballast"}}}
	change := func(says string) *buildkit.Result {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() { println(\""+says+"\") }\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return mustBuild(t, dir, cfg)
	}
	runs := func(want string) {
		t.Helper()
		if got := output(t, "", "docker", "run", "--rm", repo+"incremental"); got != want+"\n" {
			t.Errorf("the image says %q, want %q", got, want)
		}
	}
	l := watchLoads(t)

	first := change("one")
	l.load(t, first)
	runs("one")
	l.load(t, change("one"))
	l.load(t, change("two"))
	runs("two")
	sizes := l.sent()
	if len(sizes) != 2 {
		t.Fatalf("%d loads for two programs and one unchanged image, want 2", len(sizes))
	}
	if sizes[0] < ballast || sizes[1] > sizes[0]-ballast {
		t.Errorf("the loads were of %d and %d bytes; the second should lack the %d of the file", sizes[0], sizes[1], ballast)
	}

	l.before = func() { output(t, "", "docker", "image", "rm", "-f", repo+"incremental") }
	l.load(t, change("three"))
	runs("three")
	if sizes := l.sent(); len(sizes) != 2 || sizes[1] < ballast {
		t.Errorf("the loads were of %v bytes; the last should be a second try with everything", sizes)
	}
}

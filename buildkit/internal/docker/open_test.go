package docker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		p, err := e.Platform(context.Background())
		if err != nil || p.OS != "linux" || p.Architecture != runtime.GOARCH || (p.Variant == "") != (p.Architecture != "arm") {
			t.Errorf("platform %s, %v", p, err)
		}
		t.Logf("%s (%s) API %s", e.Host(), e.Origin(), e.APIVersion())
	})
}

func TestOpenPinned(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	pinned := func(version string) (*Engine, error) {
		return Open(context.Background(), Options{Options: host.Options{Getenv: dockertest.Environment("DOCKER_HOST="+e.Host(), "DOCKER_API_VERSION="+version)}})
	}
	old, err := pinned(e.APIVersion())
	if err != nil || old.APIVersion() != e.APIVersion() {
		t.Fatal(err)
	}
	defer old.Close()
	for version, text := range map[string]string{"9.99": "speaks API", "latest": "not a version"} {
		_, err := pinned(version)
		var config *host.ConfigError
		if !errors.As(err, &config) {
			t.Errorf("%T", err)
		}
		dockertest.WantError(t, err, text, "unset DOCKER_API_VERSION")
	}
}

// answering answers every request like the ping of an engine.
func answering(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.44") }

func TestOpenUnreachable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts by the kernel, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	blank := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer blank.Close()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(answering))
	secure.Config.ErrorLog = quiet()
	secure.StartTLS()
	defer secure.Close()

	cases := []struct{ name, host, text, fix string }{
		{"no socket", "unix://" + filepath.Join(dir, "none.sock"), "no such file", "start Docker"},
		{"stale socket", "unix://" + stale, "connection refused", "start Docker"},
		{"refused", "tcp://" + closed.Addr().String(), "connection refused", "start the engine there"},
		{"no such host", "tcp://fromscratch-test.invalid:1", "fromscratch-test.invalid", "correct the host name"},
		{"silent", "tcp://" + silent.Addr().String(), "no answer within", "check that the host is up"},
		{"not an engine", dockertest.TCPHost(web), "404", "check that a Docker Engine listens there"},
		{"any web server", dockertest.TCPHost(blank), "not a Docker Engine", "check that a Docker Engine listens there"},
		{"TLS needed", dockertest.TCPHost(secure), "HTTPS server", "use TLS: DOCKER_TLS_VERIFY=1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ep, err := host.Find(host.Options{Getenv: dockertest.Environment("DOCKER_HOST=" + c.host)})
			if err != nil {
				t.Fatal(err)
			}
			if c.name == "silent" {
				ep.Timeout = 100 * time.Millisecond
			}
			_, err = connect(context.Background(), ep, "")
			var unreachable *host.UnreachableError
			if !errors.As(err, &unreachable) || unreachable.Host != c.host || unreachable.Origin != "DOCKER_HOST" || unreachable.Absent || !unreachable.Chosen {
				t.Fatalf("%T %v", err, err)
			}
			dockertest.WantError(t, err, c.text, c.fix)
			dockertest.WantError(t, err, "(DOCKER_HOST)", ", or unset DOCKER_HOST")
		})
	}
}

func TestOpenCancelled(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		silent.Accept()
		cancel()
	}()
	_, err = Open(ctx, Options{Options: host.Options{Host: "tcp://" + silent.Addr().String()}})
	var unreachable *host.UnreachableError
	if errors.As(err, &unreachable) || !errors.Is(err, context.Canceled) {
		t.Errorf("%T %v", err, err)
	}
}

// The socket belongs to another user. As root, the test runs itself as nobody, because root may open every socket.
func TestOpenPermission(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("sockets without permissions")
	}
	if socket := os.Getenv("FROMSCRATCH_TEST_FORBIDDEN"); socket != "" {
		_, err := Open(context.Background(), Options{Options: host.Options{Getenv: dockertest.Environment("DOCKER_HOST=unix://" + socket)}})
		dockertest.WantError(t, err, "permission denied", "docker group")
		return
	}
	dir, err := os.MkdirTemp("", "fromscratch-test-") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	self, err := os.ReadFile(os.Args[0])
	err = errors.Join(err, os.WriteFile(dir+"/self", self, 0o755), os.Chmod(dir, 0o755), os.Chmod(socket, 0))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dir+"/self", "-test.run=^TestOpenPermission$")
	cmd.Env, cmd.Dir = append(os.Environ(), "FROMSCRATCH_TEST_FORBIDDEN="+socket), dir
	asNobody(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

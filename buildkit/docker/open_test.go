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
	"strings"
	"testing"
	"time"
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
		return Open(context.Background(), Options{Getenv: environment("DOCKER_HOST="+e.Host(), "DOCKER_API_VERSION="+version)})
	}
	old, err := pinned(e.APIVersion())
	if err != nil || old.APIVersion() != e.APIVersion() {
		t.Fatal(err)
	}
	defer old.Close()
	for version, text := range map[string]string{"9.99": "speaks API", "latest": "not a version"} {
		_, err := pinned(version)
		var config *ConfigError
		if !errors.As(err, &config) {
			t.Errorf("%T", err)
		}
		wantError(t, err, text, "unset DOCKER_API_VERSION")
	}
}

// answering is a server that could be an engine as far as its ping goes.
func answering(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.44") }

func tcpHost(server *httptest.Server) string {
	_, address, _ := strings.Cut(server.URL, "://")
	return "tcp://" + address
}

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
		{"not an engine", tcpHost(web), "404", "check that a Docker Engine listens there"},
		{"any web server", tcpHost(blank), "not a Docker Engine", "check that a Docker Engine listens there"},
		{"TLS needed", tcpHost(secure), "HTTPS server", "use TLS: DOCKER_TLS_VERIFY=1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ep, err := resolve(Options{Getenv: environment("DOCKER_HOST=" + c.host)})
			if err != nil {
				t.Fatal(err)
			}
			if c.name == "silent" {
				ep.patience = 100 * time.Millisecond
			}
			_, err = connect(context.Background(), ep, "")
			var unreachable *UnreachableError
			if !errors.As(err, &unreachable) || unreachable.Host != c.host || unreachable.Origin != "DOCKER_HOST" || unreachable.Absent || !unreachable.Chosen {
				t.Fatalf("%T %v", err, err)
			}
			wantError(t, err, c.text, c.fix)
			wantError(t, err, "(DOCKER_HOST)", ", or unset DOCKER_HOST")
		})
	}
}

// Nothing configured and no engine: the error names every socket that was looked for and nothing to unset.
func TestOpenDefaultUnreachable(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	ep := endpoint{host: "unix://" + filepath.Join(home, "docker.sock"), origin: "platform default", patience: pingTimeout}
	ep = firstSocket(ep, Options{Getenv: environment("HOME="+home, "XDG_RUNTIME_DIR="+home)}.otherSockets()[:4])
	_, err := connect(context.Background(), ep, "")
	wantError(t, err, filepath.Join(home, "podman", "podman.sock"), "start Docker")
	if strings.Contains(err.Error(), "unset") {
		t.Error(err)
	}
}

// Only an engine that nobody has chosen and of which there is not even a socket is absent: a caller does without it.
func TestOpenAbsent(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	none := filepath.Join(dir, "none.sock")
	meta := filepath.Join(dir, "contexts", "meta", contextID("far"))
	if err := errors.Join(os.MkdirAll(meta, 0o755), os.WriteFile(filepath.Join(meta, "meta.json"),
		[]byte(`{"Name":"far","Endpoints":{"docker":{"Host":"unix://`+none+`"}}}`), 0o644)); err != nil {
		t.Fatal(err)
	}
	byDefault := func(socket string) func() (endpoint, error) {
		return func() (endpoint, error) {
			return firstSocket(endpoint{host: "unix://" + socket, origin: "platform default", patience: pingTimeout}, []otherSocket{{none, "podman's socket"}}), nil
		}
	}
	chosen := func(env ...string) func() (endpoint, error) {
		return func() (endpoint, error) {
			return resolve(Options{Getenv: environment(append(env, "DOCKER_CONFIG="+dir)...)})
		}
	}
	for _, tt := range []struct {
		name   string
		find   func() (endpoint, error)
		absent bool
	}{
		{"no socket", byDefault(none), true},
		{"the default socket, where nobody listens", byDefault(stale), false},
		{"DOCKER_HOST", chosen("DOCKER_HOST=unix://" + none), false},
		{"DOCKER_CONTEXT", chosen("DOCKER_CONTEXT=far"), false},
	} {
		ep, err := tt.find()
		if err != nil {
			t.Fatal(err)
		}
		_, err = connect(context.Background(), ep, "")
		var unreachable *UnreachableError
		if !errors.As(err, &unreachable) || unreachable.Absent != tt.absent || unreachable.Chosen != strings.HasPrefix(tt.name, "DOCKER_") {
			t.Errorf("%s: %v, which is to be absent: %t", tt.name, err, tt.absent)
		}
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
	_, err = Open(ctx, Options{Host: "tcp://" + silent.Addr().String()})
	var unreachable *UnreachableError
	if errors.As(err, &unreachable) || !errors.Is(err, context.Canceled) {
		t.Errorf("%T %v", err, err)
	}
}

// The socket of another user. As root, the test runs itself as nobody, because root may everything.
func TestOpenPermission(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("sockets without permissions")
	}
	if socket := os.Getenv("FROMSCRATCH_TEST_FORBIDDEN"); socket != "" {
		_, err := Open(context.Background(), Options{Getenv: environment("DOCKER_HOST=unix://" + socket)})
		wantError(t, err, "permission denied", "docker group")
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

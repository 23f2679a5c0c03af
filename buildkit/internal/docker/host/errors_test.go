package host

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
)

// dialError returns the error for an endpoint where nobody listens.
func dialError(t *testing.T, ep Endpoint) error {
	t.Helper()
	conn, err := NewDialer(ep).Dial(context.Background(), "", "")
	if err == nil {
		conn.Close()
		t.Fatalf("%s can be dialled", ep.Host)
	}
	return ep.Unreachable(err)
}

// Without settings and without an engine, the error names every socket that was looked for, and nothing to unset.
func TestDefaultUnreachable(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	ep := Endpoint{Host: "unix://" + filepath.Join(home, "docker.sock"), Origin: "platform default", Timeout: pingTimeout}
	ep = firstSocket(ep, Options{Getenv: dockertest.Environment("HOME="+home, "XDG_RUNTIME_DIR="+home)}.otherSockets()[:4])
	err := dialError(t, ep)
	dockertest.WantError(t, err, filepath.Join(home, "podman", "podman.sock"), "start Docker")
	if strings.Contains(err.Error(), "unset") {
		t.Error(err)
	}
}

// An engine is absent only if no setting names one and none of the sockets exists.
func TestAbsent(t *testing.T) {
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
	byDefault := func(socket string) func() (Endpoint, error) {
		return func() (Endpoint, error) {
			return firstSocket(Endpoint{Host: "unix://" + socket, Origin: "platform default", Timeout: pingTimeout}, []otherSocket{{none, "podman's socket"}}), nil
		}
	}
	chosen := func(env ...string) func() (Endpoint, error) {
		return func() (Endpoint, error) {
			return Find(Options{Getenv: dockertest.Environment(append(env, "DOCKER_CONFIG="+dir)...)})
		}
	}
	for _, tt := range []struct {
		name   string
		find   func() (Endpoint, error)
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
		err = dialError(t, ep)
		var unreachable *UnreachableError
		if !errors.As(err, &unreachable) || unreachable.Absent != tt.absent || unreachable.Chosen != strings.HasPrefix(tt.name, "DOCKER_") {
			t.Errorf("%s: %v, want absent %t", tt.name, err, tt.absent)
		}
	}
}

// The contexts that a fix names are words of a shell.
func TestContextFixQuotes(t *testing.T) {
	dir := t.TempDir()
	meta := filepath.Join(dir, "contexts", "meta", "x")
	if err := errors.Join(os.MkdirAll(meta, 0o755), os.WriteFile(filepath.Join(meta, "meta.json"), []byte(`{"Name":"x; reboot"}`), 0o644)); err != nil {
		t.Fatal(err)
	}
	_, err := Find(Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=none", "DOCKER_CONFIG="+dir)})
	if err == nil || !strings.Contains(err.Error(), "contexts: default, 'x; reboot'; or") {
		t.Errorf("the error is %v, want the name of the context in quotes", err)
	}
}

package docker

import (
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

func TestRunPorts(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		if _, err := e.api.NetworkInspect(context.Background(), "bridge", network.InspectOptions{}); errdefs.IsNotFound(err) {
			if _, err := e.api.NetworkInspect(context.Background(), "podman", network.InspectOptions{}); err != nil {
				if os.Getenv("FROMSCRATCH_TEST_ENGINES") == "" { // it is the machine's own
					testkit.Skip(t, "the engine's network: "+err.Error())
				}
				t.Skipf("the engine at %s has no network to publish from: %v", e.Host(), err)
			}
		}
		ti := (&testImage{}).build(t).load(t, e)
		req := newRun(t, e, ti, "serve", ":8080")
		req.Network, req.Ports = "", []Publish{{Container: "8080", Host: "127.0.0.1:0"}, {Container: "8081", Host: "0"}}
		signals, ready := make(chan os.Signal, 1), make(chan struct{})
		var once sync.Once
		req.Signals, req.Stdout, req.Stderr = signals, &lines{ready: func() { once.Do(func() { close(ready) }) }}, os.Stderr
		req.Started = func(c Container) {
			<-ready
			if len(c.Ports) != 2 || c.Ports[0].Container != "8080/tcp" || c.Ports[0].HostIP != "127.0.0.1" || c.Ports[1].HostIP != "0.0.0.0" {
				t.Errorf("ports %+v", c.Ports)
			} else {
				get(t, c.Ports[0].Address)
				checkBusy(t, e, ti, c.Ports[0])
			}
			signals <- syscall.SIGTERM
		}
		if _, err := e.Run(context.Background(), req); err != nil {
			t.Error(err)
		}
	})
}

// get fetches a page from the test program.
func get(t *testing.T, address string) {
	t.Helper()
	resp, err := http.Get("http://" + address)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || string(body) != "served" || err != nil {
		t.Errorf("%s %q %v", resp.Status, body, err)
	}
}

// checkBusy publishes a port that is in use.
func checkBusy(t *testing.T, e *Engine, ti *testImage, p Port) {
	t.Helper()
	req := newRun(t, e, ti, "serve", ":8080")
	req.Network, req.Ports = "", []Publish{{Container: "8080", Host: p.HostIP + ":" + p.HostPort}}
	code, err := e.Run(context.Background(), req)
	t.Log(err)
	if dockertest.WantError(t, err, p.HostPort, "stop what uses the port"); code != NoExit {
		t.Errorf("code %d", code)
	}
}

func TestRunFailure(t *testing.T) {
	t.Parallel()
	foreign := "arm64"
	if runtime.GOARCH == foreign {
		foreign = "amd64"
	}
	elf, err := os.ReadFile(program(t, "program"))
	if err != nil {
		t.Fatal(err)
	}
	// If the interpreter of a dynamic program is missing, the kernel reports that the program does not exist.
	script := []byte("#!/no/such/interpreter\n")
	cases := []struct {
		name  string
		image testImage
		set   func(*RunRequest)
		text  string
		fix   string
	}{
		{name: "no such image", set: func(r *RunRequest) { r.Image = "fromscratch-test-none:latest" }, text: "fromscratch-test-none", fix: "load the image first"},
		{name: "no such program", image: testImage{Entrypoint: []string{"/nowhere"}}, text: "/nowhere", fix: "put the program into the image"},
		{name: "not in PATH", image: testImage{Entrypoint: []string{"nowhere"}}, text: "nowhere", fix: "put the program into the image"},
		{name: "no interpreter", image: testImage{Program: script}, text: "no such file or directory", fix: "its interpreter"},
		{name: "other machine", image: testImage{Program: append([]byte("\x7fELF\x02\x01\x01\x00"), elf[8:18]...)}, text: "exec format error", fix: "platform"},
		{name: "not executable", image: testImage{Mode: 0o644}, text: "permission denied", fix: "0755"},
		{name: "bad port", set: func(r *RunRequest) { r.Ports = []Publish{{Container: "http"}} }, text: `"http"`, fix: "give ports like"},
		{name: "no such network", set: func(r *RunRequest) { r.Network = "fromscratch-test-none" }, text: "fromscratch-test-none", fix: "docker network create"},
	}
	eachEngine(t, func(t *testing.T, e *Engine) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				ti := c.image
				ti.build(t).load(t, e)
				req := newRun(t, e, &ti)
				if c.set != nil {
					c.set(&req)
				}
				code, err := e.Run(context.Background(), req)
				t.Log(code, err)
				dockertest.WantError(t, err, c.text, c.fix)
				if code == 0 {
					t.Error("code 0")
				}
			})
		}
	})
}

func TestRunNameInUse(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ti := (&testImage{}).build(t).load(t, e)
		req := newRun(t, e, ti, "signal")
		signals := make(chan os.Signal, 1)
		req.Signals = signals
		req.Stdout = &lines{ready: func() {
			second := req
			second.Signals, second.Stdout = nil, nil
			_, err := e.Run(context.Background(), second)
			dockertest.WantError(t, err, req.Name, "docker rm -f "+req.Name)
			signals <- syscall.SIGTERM
		}}
		if code, err := e.Run(context.Background(), req); code != 7 || err != nil {
			t.Errorf("the first: code %d, %v", code, err)
		}
	})
}

// If another run takes the name between the load and the start, its program does not run.
func TestRunAnotherImage(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ti := (&testImage{}).build(t).load(t, e)
		other := (&testImage{Ref: ti.Ref}).build(t)
		other.cleanup(t, e)
		taken := between(t, e, onceBefore("/containers/create", func() { other.load(t, e) }))
		req := newRun(t, e, ti, "exit", "0")
		req.IDs = []string{ti.Config, ti.Manifest}
		if code, err := e.Run(context.Background(), req); code != 0 || err != nil {
			t.Errorf("its own image: code %d, %v", code, err)
		}
		code, err := taken.Run(context.Background(), req)
		if code != NoExit {
			t.Errorf("another image: code %d", code)
		}
		dockertest.WantError(t, err, "now names the image sha256:", "something else loads")
	})
}

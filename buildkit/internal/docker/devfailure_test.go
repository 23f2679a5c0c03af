package docker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
)

// elsewhere connects to an engine that does not see this machine's files: it mounts the folder to in the place of from.
func elsewhere(t *testing.T, e *Engine, from, to string) *Engine {
	t.Helper()
	return between(t, e, func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/containers/create") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			body = bytes.ReplaceAll(body, []byte(`"`+from+`"`), []byte(`"`+to+`"`))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		return false
	})
}

// If an engine does not see the files, they are copied, whatever it has at the same paths.
func TestDevNotShared(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ti := (&testImage{}).build(t).load(t, e)
	cases := []struct {
		name   string
		other  func(t *testing.T, h *devHost) string
		reason string
	}{
		{"nothing there", func(t *testing.T, _ *devHost) string { return filepath.Join(t.TempDir(), "none") }, "does not exist"},
		{"empty folder there", func(t *testing.T, _ *devHost) string { return t.TempDir() }, "does not see"},
		{"a copy there", func(t *testing.T, h *devHost) string {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(h.dir)); err != nil {
				t.Fatal(err)
			}
			return dir
		}, "does not see"},
		{"a file there", func(t *testing.T, h *devHost) string { return filepath.Join(newDevHost(t).dir, "init") }, "does not see"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := newDevHost(t)
			far := elsewhere(t, e, h.dir, c.other(t, h))
			r := startDev(t, far, newDev(t, e, h, ti))
			if r.Copied == nil || !strings.Contains(r.Copied.Error(), c.reason) {
				t.Fatalf("copied: %v", r.Copied)
			}
			r.wantLine("version 1")
			h.install("2")
			r.swap()
			r.wantLine("version 2")
		})
	}
}

func TestDevFailure(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ti := (&testImage{}).build(t).load(t, e)
		h := newDevHost(t)
		cases := []struct {
			name      string
			set       func(r *DevRequest)
			text, fix string
		}{
			{"no such image", func(r *DevRequest) { r.Image = "fromscratch-test-none:latest" }, "fromscratch-test-none", "load the image first"},
			{"no such command", func(r *DevRequest) { r.Command = []string{"/nowhere"} }, "/nowhere", "put the program into the image"},
			{"no command", func(r *DevRequest) { r.Command = nil }, "no command", "give the request a Command"},
			{"bad port", func(r *DevRequest) { r.Ports = []Publish{{Container: "http"}} }, `"http"`, "give ports like"},
			{"no such folder", func(r *DevRequest) { r.Binds[0].Host += "/none" }, "/none", "make the folder"},
			{"no path", func(r *DevRequest) { r.Binds[0].Container = "files" }, `"files"`, "give a path"},
			{"the root", func(r *DevRequest) { r.Binds[0].Container = "/x/.." }, `"/x/.."`, "give a path"},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				req := newDev(t, e, h, ti)
				c.set(&req)
				started, err := e.StartDev(context.Background(), req)
				t.Log(err)
				if dockertest.WantError(t, err, c.text, c.fix); started != nil {
					t.Errorf("%+v", started)
				}
			})
		}
	})
}

// The command turns out not to be executable after the container has started.
func TestDevNotExecutable(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ti := (&testImage{Program: []byte("#!/no/such/interpreter\n")}).build(t).load(t, e)
	req := newDev(t, e, newDevHost(t), ti)
	req.Command, req.Binds = []string{"/program"}, nil
	c, err := e.StartDev(context.Background(), req)
	if err == nil {
		_, err = c.Wait(context.Background())
		if err := c.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	}
	dockertest.WantError(t, err, "no such file or directory", "its interpreter")
}

// If any request fails, or ctx ends after it, no container is left, with mounts or with copies.
func TestDevCutOff(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ti := (&testImage{}).build(t).load(t, e)
	h := newDevHost(t)
	for _, path := range []string{"/create", "/archive", "/attach", "/start", "/json"} {
		for _, copied := range []bool{false, true} {
			name := path + map[bool]string{false: " mounted", true: " copied"}[copied]
			concerns := func(r *http.Request) bool {
				return strings.Contains(r.URL.Path, "/containers/") && strings.HasSuffix(r.URL.Path, path)
			}
			t.Run(name+" fails", func(t *testing.T) {
				sick := between(t, e, func(w http.ResponseWriter, r *http.Request) bool {
					if !concerns(r) {
						return false
					}
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusInternalServerError)
					w.Write([]byte(`{"message":"the engine is sick"}`))
					return true
				})
				req := newDev(t, e, h, ti)
				req.Copy = copied
				c, err := sick.StartDev(context.Background(), req)
				if dockertest.WantError(t, err, "", "log"); c != nil {
					t.Errorf("%+v", c)
				}
			})
			t.Run(name+" is the last", func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				var creations atomic.Int32
				proxy := forwarder(t, e)
				proxy.ModifyResponse = func(r *http.Response) error { // done, and the client does not know yet
					if strings.HasSuffix(r.Request.URL.Path, "/create") {
						creations.Add(1)
					}
					if concerns(r.Request) {
						cancel()
					}
					return nil
				}
				slow := behind(t, proxy, func(http.ResponseWriter, *http.Request) bool { return false })
				req := newDev(t, e, h, ti)
				req.Copy = copied
				c, err := slow.StartDev(ctx, req)
				if c != nil { // the last request of all was it
					err = errors.Join(context.Cause(ctx), c.Remove(ctx))
				}
				if !errors.Is(err, context.Canceled) || creations.Load() > 1 {
					t.Errorf("%d creations, %v", creations.Load(), err)
				}
			})
		}
	}
}

// A failing output ends Wait but not the container. A blocking output does not keep Remove from killing the container.
func TestDevBadOutput(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ti := (&testImage{}).build(t).load(t, e)
		req := newDev(t, e, newDevHost(t), ti)
		req.Stdout = broken{}
		c, err := e.StartDev(context.Background(), req)
		if err != nil {
			t.Fatal(err)
		}
		if code, err := c.Wait(context.Background()); code != NoExit || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("code %d, %v", code, err)
		}
		if err := c.Remove(context.Background()); err != nil {
			t.Error(err)
		}

		out := blocked{make(chan struct{})}
		req = newDev(t, e, newDevHost(t), ti)
		req.Command, req.Stdout = []string{"/program", "flood", "1000000000"}, out
		if c, err = e.StartDev(context.Background(), req); err != nil {
			t.Fatal(err)
		}
		go func() {
			<-c.exited
			close(out.released)
		}()
		if err := c.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

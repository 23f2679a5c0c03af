package docker

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
)

// Folders, links and modes are copied, and copied again if they change. Only changes are sent.
func TestDevSync(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ctx := context.Background()
		ti := (&testImage{}).build(t).load(t, e)
		h := newDevHost(t)
		write := func(name, text string, mode os.FileMode) {
			t.Helper()
			path := filepath.Join(h.dir, name)
			err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode))
			if err != nil {
				t.Fatal(err)
			}
		}
		write("assets/css/style.css", "body {}", 0o640)
		if err := os.Symlink("css/style.css", filepath.Join(h.dir, "assets", "main.css")); err != nil {
			t.Fatal(err)
		}
		req := newDev(t, e, h, ti)
		req.Copy = true
		req.Binds = append(req.Binds, Bind{Host: filepath.Join(h.dir, "assets", "main.css"), Container: "/etc/one.css"})
		r := startDev(t, e, req)
		stat := func(path string) container.PathStat {
			t.Helper()
			s, err := e.api.ContainerStatPath(ctx, r.ID, path)
			if err != nil {
				t.Error(err)
			}
			return s
		}
		if s := stat("/dev-files/assets/css/style.css"); s.Size != 7 || s.Mode.Perm() != 0o640 {
			t.Errorf("%+v", s)
		}
		if s := stat("/dev-files/assets/main.css"); s.LinkTarget == "" {
			t.Errorf("%+v", s)
		}
		if s := stat("/etc/one.css"); s.Size != 7 || !s.Mode.IsRegular() {
			t.Errorf("%+v", s)
		}
		sent := len(r.sent)
		write("assets/css/style.css", "body { color: red }", 0o600)
		write("assets/js/new.js", "1", 0o644)
		if err := r.sync(ctx); err != nil {
			t.Fatal(err)
		}
		if s := stat("/dev-files/assets/css/style.css"); s.Size != 19 || s.Mode.Perm() != 0o600 {
			t.Errorf("%+v", s)
		}
		if stat("/dev-files/assets/js/new.js"); len(r.sent) != sent+2 {
			t.Errorf("%d files, then %d", sent, len(r.sent))
		}
	})
}

// A file with attributes is copied with them, and a new version of it too.
func TestDevAttributes(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ctx := context.Background()
		ti := (&testImage{}).build(t).load(t, e)
		h := newDevHost(t)
		req := newDev(t, e, h, ti)
		const netRaw = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
		record := map[string]string{"SCHILY.xattr.security.capability": netRaw}
		req.CapAdd, req.Attributes = []string{"cap_net_raw"}, map[string]map[string]string{"/dev-files/program": record}
		r := startDev(t, e, req)
		if r.Copied == nil {
			t.Fatal("the files are mounted")
		}
		for i := 1; ; i++ {
			r.wantLine(fmt.Sprint("version ", i))
			content, _, err := e.api.CopyFromContainer(ctx, r.ID, "/dev-files")
			if err != nil {
				t.Fatal(err)
			}
			defer content.Close()
			found := map[string]string{}
			for archive := tar.NewReader(content); ; {
				h, err := archive.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				found[h.Name] = h.PAXRecords["SCHILY.xattr.security.capability"]
			}
			if found["dev-files/program"] != netRaw || found["dev-files/init"] != "" || len(found) != 3 {
				t.Errorf("the container has %q", found)
			}
			if i == 2 {
				break
			}
			h.install("2")
			if err := errors.Join(r.Sync(ctx), r.Feed(ctx, strings.NewReader(report.RestartLine))); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Remove(ctx); err != nil {
			t.Fatal(err)
		}
		h.install("3")
		if err := r.Sync(ctx); !errors.Is(err, ErrNotRunning) {
			t.Errorf("copying to a container that is gone: %v", err)
		}
	})
}

// Without changes nothing is sent. After a failure the next sync sends the files.
func TestDevSyncAgain(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ti := (&testImage{}).build(t).load(t, e)
	var requests, fail atomic.Int32
	counting := between(t, e, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		requests.Add(1)
		if fail.Load() > 0 {
			w.WriteHeader(http.StatusInternalServerError)
			json.NewEncoder(w).Encode(map[string]string{"message": "the engine is sick"})
		}
		return fail.Load() > 0
	})
	h := newDevHost(t)
	req := newDev(t, e, h, ti)
	req.Copy = true
	r := startDev(t, counting, req)
	r.wantLine("version 1")
	if err := r.sync(context.Background()); err != nil || requests.Load() != 1 {
		t.Errorf("%d requests, %v", requests.Load(), err)
	}
	h.install("2")
	fail.Store(1)
	dockertest.WantError(t, r.sync(context.Background()), "the engine is sick", "log")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.sync(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	fail.Store(0)
	if err := errors.Join(r.sync(context.Background()), r.Signal(context.Background(), report.Restart)); err != nil {
		t.Fatal(err)
	}
	r.wantLine("version 2")
}

// A program that is written to the container's standard input replaces the old one, even if the image's user may write to no
// folder of the image. The program's health check then runs the new one. After invalid input the container ends with an
// error.
func TestDevFeed(t *testing.T) {
	t.Parallel()
	eachDev(t, func(t *testing.T, e *Engine, ti *testImage, copied bool) {
		ctx := context.Background()
		h := newDevHost(t)
		req := newDev(t, e, h, ti, "feeds")
		req.Copy = copied
		if !copied {
			return // nothing is sent there
		}
		r := startDev(t, e, req)
		r.wantLine("version 1")
		for _, version := range []string{"2", "3"} {
			h.install(version)
			r.swap()
			r.wantLine("version " + version)
		}
		if err := r.Feed(ctx, strings.NewReader("no program\n")); err != nil {
			t.Fatal(err)
		}
		r.wantKind(report.Failed, "receiving the program")
		if _, err := r.Wait(ctx); err != nil {
			t.Error(err)
		}
		if err := r.Feed(ctx, strings.NewReader("more")); !errors.Is(err, ErrNotRunning) {
			t.Errorf("writing to a container that has ended: %v", err)
		}
	})
}

// When the process that made it ends in any way, the container ends and is removed.
func TestDevOutlivesNobody(t *testing.T) {
	t.Parallel()
	eachDev(t, func(t *testing.T, e *Engine, ti *testImage, copied bool) {
		req := newDev(t, e, newDevHost(t), ti)
		req.Copy = copied
		r := startDev(t, e, req)
		r.wantLine("version 1")
		r.out.hangUp() // as the system does with a process's connections
		eventually(t, "the container is gone", func() bool {
			_, err := e.api.ContainerInspect(context.Background(), r.ID)
			return errdefs.IsNotFound(err)
		})
	})
}

// Writing ends with ctx, and leaves no goroutine.
func TestDevFeedCancel(t *testing.T) {
	e := openEngine(t)
	ti := (&testImage{}).build(t).load(t, e)
	e.api.Close()
	before := runtime.NumGoroutine()
	req := newDev(t, e, newDevHost(t), ti)
	req.Copy = true
	c, err := e.StartDev(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	big := io.MultiReader(strings.NewReader(report.Program{Size: 1 << 40}.Line()), &cancelling{cancel: cancel})
	if err := c.Feed(ctx, big); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := c.Remove(ctx); err != nil {
		t.Error(err)
	}
	eventually(t, "as few goroutines as before", func() bool {
		e.api.Close()
		return runtime.NumGoroutine() <= before
	})
}

// cancelling is an endless file that cancels after some reads.
type cancelling struct {
	n      int
	cancel func()
}

func (c *cancelling) Read(p []byte) (int, error) {
	if c.n += len(p); c.n > 1<<20 {
		c.cancel()
	}
	clear(p)
	return len(p), nil
}

package docker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ctx := context.Background()
		ti := (&testImage{}).build(t)
		if has, err := e.Has(ctx, ti.Ref, ti.Config, ti.Manifest); err != nil || has {
			t.Fatalf("before: Has %v, %v", has, err)
		}
		ti.load(t, e)
		if has, err := e.Has(ctx, ti.Ref, ti.Config, ti.Manifest); err != nil || !has {
			t.Errorf("after: Has %v, %v", has, err)
		}
		if has, err := e.Has(ctx, ti.Ref, "sha256:"+strings.Repeat("0", 64), ""); err != nil || has {
			t.Errorf("another ID: Has %v, %v", has, err)
		}
		img, found, err := e.Image(ctx, ti.Ref)
		if err != nil || !found || !img.Complete || img.Labels[dockertest.Label] != "true" {
			t.Errorf("Image: %+v, %v, %v", img, found, err)
		}
		if got := img.Shared(ti.Layers); got != 3 {
			t.Errorf("shares %d layers of %v: %v", got, ti.Layers, img.DiffIDs)
		}
		if got := img.Shared([]string{ti.Layers[0], ti.Layers[2]}); got != 1 {
			t.Errorf("shares %d layers when the second differs", got)
		}
	})
}

// A changed image is sent without the layers that the earlier image has.
func TestLoadPartial(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		old := (&testImage{}).build(t).load(t, e)
		changed := (&testImage{Ref: old.Ref, Salt: old.Salt, Program: []byte("changed " + old.Salt)}).build(t)
		changed.cleanup(t, e)
		img, _, err := e.Image(context.Background(), old.Ref)
		if err != nil {
			t.Fatal(err)
		}
		n := img.Shared(changed.Layers)
		if n != 2 {
			t.Fatalf("shares %d layers", n)
		}
		if err := e.Load(context.Background(), changed.request(changed.archive(t, changed.Layers[:n]...))); err != nil {
			t.Fatal(err)
		}
		if has, err := e.Has(context.Background(), changed.Ref, changed.Config, changed.Manifest); err != nil || !has {
			t.Errorf("Has %v, %v", has, err)
		}
	})
}

// A missing layer is an error even if the engine reports success. Loading the whole image repairs it.
func TestLoadMissingLayer(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ctx := context.Background()
		for _, platform := range []Platform{{}, {OS: "linux", Architecture: runtime.GOARCH}} {
			ti := (&testImage{}).build(t)
			ti.cleanup(t, e)
			req := ti.request(ti.archive(t, ti.Layers[1]))
			req.Platform = platform
			err := e.Load(ctx, req)
			dockertest.WantError(t, err, ti.Ref, sendAll)
			if has, err := e.Has(ctx, ti.Ref, ti.Config, ti.Manifest); has || err != nil {
				t.Errorf("Has %v, %v", has, err)
			}
			if err := e.Load(ctx, ti.request(ti.archive(t))); err != nil {
				t.Errorf("repairing: %v", err)
			}
			if has, err := e.Has(ctx, ti.Ref, ti.Config, ti.Manifest); !has || err != nil {
				t.Errorf("repaired: Has %v, %v", has, err)
			}
		}
	})
}

func TestLoadFailure(t *testing.T) {
	t.Parallel()
	ti := (&testImage{}).build(t)
	good := ti.archive(t)
	corrupt := (&testImage{}).build(t) // of its own: the containerd store may keep the others' layers
	other := "sha256:" + strings.Repeat("1", 64)
	broken := errors.New("source vanished\nfix: bring it back")
	cases := []struct {
		name string
		req  LoadRequest
		text string
		fix  string
		is   error
	}{
		{"no archive", ti.request([]byte(strings.Repeat("not a tar file ", 1000))), "", "log", nil},
		{"cut archive", ti.request(good[:len(good)/2]), "", "log", nil},
		{"corrupt layer", corrupt.request(bytes.Replace(corrupt.archive(t), []byte("etc/salt"), []byte("etc/SALT"), 1)), "", "", nil},
		{"another ID", LoadRequest{Ref: ti.Ref, IDs: []string{other}, Write: ti.request(good).Write}, other, "load it again", nil},
		{"another name", LoadRequest{Ref: "fromscratch-test-" + dockertest.Random(), IDs: []string{ti.Config, ti.Manifest}, Write: ti.request(good).Write},
			"does not have it", "load it again", nil},
		{"writer fails", LoadRequest{Ref: ti.Ref, IDs: []string{ti.Config}, Write: func(_ context.Context, w io.Writer) error {
			w.Write(good[:len(good)/2])
			return broken
		}}, `: writing the archive: source vanished`, "bring it back", broken},
	}
	eachEngine(t, func(t *testing.T, e *Engine) {
		ti.cleanup(t, e)
		corrupt.cleanup(t, e)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				err := e.Load(context.Background(), c.req)
				t.Log(err)
				dockertest.WantError(t, err, c.text, c.fix)
				if strings.Count(err.Error(), "vanished") > 1 {
					t.Errorf("error %q, the cause in it once", err)
				}
				if c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("error %q does not wrap %q", err, c.is)
				}
			})
		}
	})
}

// A cancelled load leaves no image and no goroutine.
func TestLoadCancel(t *testing.T) {
	eachEngine(t, func(t *testing.T, e *Engine) {
		e.api.Close()
		before := runtime.NumGoroutine()
		ti := (&testImage{}).build(t)
		ti.cleanup(t, e)
		archive := ti.archive(t)
		for name, finish := range map[string]func(context.Context, io.Writer) error{
			"writing": func(ctx context.Context, w io.Writer) error { _, err := io.Copy(w, endless{}); return err },
			"waiting": func(ctx context.Context, w io.Writer) error { <-ctx.Done(); return ctx.Err() },
		} {
			ctx, cancel := context.WithCancelCause(context.Background())
			reason := errors.New("the user left")
			req := ti.request(nil)
			req.Write = func(ctx context.Context, w io.Writer) error {
				if _, err := w.Write(archive[:len(archive)/2]); err != nil {
					return err
				}
				cancel(reason)
				return finish(ctx, w)
			}
			if err := e.Load(ctx, req); !errors.Is(err, reason) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, found, err := e.Image(context.Background(), ti.Ref); found || err != nil {
			t.Errorf("after cancel: found %v, %v", found, err)
		}
		eventually(t, "as few goroutines as before", func() bool {
			e.api.Close() // idle connections have two
			return runtime.NumGoroutine() <= before
		})
	})
}

// endless is a reader without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); p[0] = 1; return len(p), nil }

func TestLoadRetiresPrevious(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	cases := []struct {
		name    string
		old     testImage
		between func(t *testing.T, e *Engine, old *testImage)
		stays   bool
	}{
		{name: "dangling"},
		{name: "foreign", old: testImage{Labels: map[string]string{dockertest.Label: "false"}}, stays: true},
		{name: "tagged", stays: true, between: func(t *testing.T, e *Engine, old *testImage) {
			if err := e.api.ImageTag(ctx, old.Ref, "fromscratch-test-other-"+old.Ref); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { removeImage(t, e, "fromscratch-test-other-"+old.Ref) })
		}},
		{name: "in use", stays: true, between: func(t *testing.T, e *Engine, old *testImage) {
			host := &container.HostConfig{NetworkMode: "none"}
			c, err := e.api.ContainerCreate(ctx, &container.Config{Image: old.Ref}, host, nil, nil, "fromscratch-test-"+dockertest.Random())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { e.api.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true}) })
		}},
	}
	eachEngine(t, func(t *testing.T, e *Engine) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				old := c.old
				old.build(t).load(t, e)
				before, _, err := e.Image(ctx, old.Ref)
				if err != nil {
					t.Fatal(err)
				}
				if c.between != nil {
					c.between(t, e, &old)
				}
				(&testImage{Ref: old.Ref}).build(t).load(t, e)
				after, found, err := e.Image(ctx, before.ID)
				if err != nil || found != c.stays {
					t.Errorf("previous image is there: %v, want %v: %+v, %v", found, c.stays, after, err)
				}
			})
		}
	})
}

// A server in the test does what only a failing engine does.
func TestLoadAnswers(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		answer string
		read   bool // the engine reads the archive first
		text   string
		fix    string
	}{
		{"no space, detail", `{"errorDetail":{"message":"write /x: no space left on device"},"error":"write /x: no space left on device"}`, true,
			"no space left on device", "docker system df"},
		{"no space, at once", `{"error":"no space left on device"}`, false, "no space left on device", "docker system df"},
		{"error behind progress", `{"status":"Loading layer","progressDetail":{"current":1,"total":2}}` + "\n" + `{"errorDetail":{"message":"boom"}}` +
			"\n" + `{"stream":"Loaded image: x"}`, true, "boom", "log"},
		{"unpacking", `{"stream":"Loaded image: x\n"}{"stream":"Error unpacking image x: content digest sha256:1: not found\n"}`, true,
			"Error unpacking image x", "all of its layers"},
		{"cut off", `{"stream":"Load`, true, "reading the engine's answer", "log"},
		{"no JSON", `<html>gateway time-out</html>`, true, "reading the engine's answer", "log"},
		{"success and no image", `{"stream":"Loaded image: x\n"}`, true, "does not have it", "load it again"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := fakeEngine(t, func(w http.ResponseWriter, r *http.Request) {
				if c.read {
					io.Copy(io.Discard, r.Body)
				}
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, c.answer)
			})
			err := e.Load(context.Background(), LoadRequest{Ref: "x", IDs: []string{"sha256:0"}, Write: func(_ context.Context, w io.Writer) error {
				_, err := w.Write(make([]byte, 4<<20))
				return err
			}})
			t.Log(err)
			dockertest.WantError(t, err, c.text, c.fix)
		})
	}
}

// fakeEngine is an engine without images that only answers loads.
func fakeEngine(t *testing.T, load http.HandlerFunc) *Engine {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.47")
		switch {
		case strings.HasSuffix(r.URL.Path, "/images/load"):
			load(w, r)
		case strings.HasPrefix(r.URL.Path, "/v"):
			http.Error(w, `{"message":"No such image"}`, http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	e, err := Open(context.Background(), Options{Options: host.Options{Host: strings.Replace(server.URL, "http", "tcp", 1)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// An earlier image that cannot be removed is reported, and the load succeeds.
func TestLoadLeavesPrevious(t *testing.T) {
	e := openEngine(t)
	sick := between(t, e, func(w http.ResponseWriter, r *http.Request) bool {
		fails := r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/images/")
		if fails {
			http.Error(w, `{"message":"the engine is sick"}`, http.StatusInternalServerError)
		}
		return fails
	})
	old := (&testImage{}).build(t).load(t, e)
	before, _, err := e.Image(context.Background(), old.Ref)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeImage(t, e, before.ID) })
	next := (&testImage{Ref: old.Ref}).build(t)
	req := next.request(next.archive(t))
	left := ""
	req.Left = func(err error) { left = err.Error() }
	if err := sick.Load(context.Background(), req); err != nil {
		t.Errorf("the load failed: %v", err)
	}
	if !strings.Contains(left, before.ID) || !strings.Contains(left, "the engine is sick") {
		t.Errorf("told %q, want the image %s and why", left, before.ID)
	}
	if has, err := e.Has(context.Background(), next.Ref, next.Config, next.Manifest); err != nil || !has {
		t.Errorf("Has %v, %v", has, err)
	}
}

// If two runs load the same name at once, one image has it in the end. The other one and the earlier one are removed.
func TestLoadOneNameTwice(t *testing.T) {
	eachEngine(t, func(t *testing.T, e *Engine) {
		for _, test := range []struct {
			name string
			// when returns the engine for the load. During the load, it loads the other image.
			when  func(t *testing.T, e *Engine, ref string, other func()) *Engine
			later bool // the other run has not seen the image before
			loses bool
		}{
			{name: "the other one is first", when: func(t *testing.T, e *Engine, _ string, other func()) *Engine {
				return between(t, e, onceBefore("/images/load", other))
			}},
			// Where the engine names ours before it has loaded the other one, that is last.
			{name: "the other one is first, after our look", when: func(t *testing.T, e *Engine, ref string, other func()) *Engine {
				return between(t, e, onceAfter(t, e, "/images/"+ref+"/json", other))
			}},
			{name: "the other one is first, after our look, and the engine does not report it", when: func(t *testing.T, e *Engine, ref string, other func()) *Engine {
				first := onceAfter(t, e, "/images/"+ref+"/json", other)
				return between(t, e, func(w http.ResponseWriter, r *http.Request) bool { return first(w, r) || withoutReport(t, e, w, r) })
			}},
			// The engine has named the image, and Load has not yet inspected it.
			{name: "the other one is last", loses: true, when: func(t *testing.T, e *Engine, _ string, other func()) *Engine {
				return between(t, e, onceAfter(t, e, "/images/load", other))
			}},
			{name: "the other one is last, and began after ours", loses: true, later: true, when: func(t *testing.T, e *Engine, _ string, other func()) *Engine {
				return between(t, e, onceAfter(t, e, "/images/load", other))
			}},
		} {
			t.Run(test.name, func(t *testing.T) {
				ctx := context.Background()
				// Load may remove images with the label: those of no other test.
				own := "fromscratch-test-" + dockertest.Random()
				labels := map[string]string{own: "true"}
				old := (&testImage{Labels: labels}).build(t).load(t, e)
				before, _, err := e.Image(ctx, old.Ref)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { removeImage(t, e, before.ID) })
				ours, theirs := (&testImage{Ref: old.Ref, Labels: labels}).build(t), (&testImage{Ref: old.Ref, Labels: labels}).build(t)
				ours.cleanup(t, e)
				theirs.cleanup(t, e)
				var otherErr error
				other := func() {
					req := theirs.request(theirs.archive(t))
					req.Label = own
					if !test.later {
						req.Previous = &before
					}
					otherErr = e.Load(ctx, req)
				}
				req := ours.request(ours.archive(t))
				req.Previous, req.Label = &before, own
				loser := theirs
				err = test.when(t, e, old.Ref, other).Load(ctx, req)
				last, lastErr := e.Has(ctx, old.Ref, theirs.Config, theirs.Manifest)
				if lastErr != nil {
					t.Error(lastErr)
				}
				if otherErr != nil && (last || !strings.Contains(otherErr.Error(), "something else loads")) {
					t.Errorf("the other load: %v", otherErr)
				}
				if test.loses || last {
					loser = ours
					dockertest.WantError(t, err, "the engine has sha256:", "something else loads")
				} else if err != nil {
					t.Error(err)
				}
				for _, id := range []string{loser.Config, loser.Manifest, before.ID} {
					if _, found, err := e.Image(ctx, id); found || err != nil {
						t.Errorf("%s is left (%v): before %s, ours %s %s, theirs %s %s, theirs has the name: %t", id, err, before.ID, ours.Config, ours.Manifest, theirs.Config, theirs.Manifest, last)
					}
				}
			})
		}
	})
}

// withoutReport removes from the answer to a load what it says of the image that had the name, as podman does.
func withoutReport(t *testing.T, e *Engine, w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasSuffix(r.URL.Path, "/images/load") {
		return false
	}
	answer := httptest.NewRecorder()
	forwarder(t, e).ServeHTTP(answer, r)
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.WriteHeader(answer.Code)
	_, _ = io.WriteString(w, strings.ReplaceAll(answer.Body.String(), "renaming the old one", "of some kind"))
	return true
}

// onceBefore calls a function before the first request with this path suffix reaches the engine.
func onceBefore(path string, do func()) func(http.ResponseWriter, *http.Request) bool {
	var once sync.Once
	return func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, path) {
			once.Do(do)
		}
		return false
	}
}

// onceAfter calls a function after the engine has answered the first request with this path suffix, before the client gets the answer.
func onceAfter(t *testing.T, e *Engine, path string, do func()) func(http.ResponseWriter, *http.Request) bool {
	proxy := forwarder(t, e)
	var once sync.Once
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, path) {
			return false
		}
		answer := httptest.NewRecorder()
		proxy.ServeHTTP(answer, r)
		once.Do(do)
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = io.Copy(w, answer.Body)
		return true
	}
}

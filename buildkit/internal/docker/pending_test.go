package docker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
)

// pendingHead is the beginning of the test archives: their first file and its padding.
const pendingHead = 1024

// A load that began before its image was known loads the image like any other. An abandoned load leaves nothing.
func TestPendingLoad(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ctx := context.Background()
		ti := (&testImage{}).build(t)
		ti.cleanup(t, e)
		archive := ti.archive(t)
		req := ti.request(archive)

		given := e.BeginLoad(ctx, req.Platform, archive[:pendingHead])
		given.Abandon()
		if has, err := e.Has(ctx, ti.Ref, ti.Config, ti.Manifest); has || err != nil {
			t.Errorf("after a load that was given up: %v, %v", has, err)
		}

		req.Pending = e.BeginLoad(ctx, req.Platform, archive[:pendingHead])
		time.Sleep(50 * time.Millisecond) // the image is being built
		if err := e.Load(ctx, req); err != nil {
			t.Fatal(err)
		}
		if has, err := e.Has(ctx, ti.Ref, ti.Config, ti.Manifest); !has || err != nil {
			t.Errorf("after a load that had begun: %v, %v", has, err)
		}
		req.Pending.Abandon() // does nothing
	})
}

func TestPendingLoadFails(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ti := (&testImage{}).build(t)
	ti.cleanup(t, e)
	archive := ti.archive(t)

	req := ti.request(archive)
	req.Pending = e.BeginLoad(context.Background(), req.Platform, []byte(strings.Repeat("another", 100)))
	dockertest.WantError(t, e.Load(context.Background(), req), "does not begin with the 700 bytes", "build the image again")

	// The engine ends a waiting request.
	sick := between(t, e, func(w http.ResponseWriter, r *http.Request) bool {
		load := strings.HasSuffix(r.URL.Path, "/images/load")
		if load {
			io.ReadFull(r.Body, make([]byte, pendingHead))
			http.Error(w, `{"message":"it takes too long"}`, http.StatusServiceUnavailable)
		}
		return load
	})
	req = ti.request(archive)
	req.Pending = sick.BeginLoad(context.Background(), req.Platform, archive[:pendingHead])
	dockertest.WantError(t, sick.Load(context.Background(), req), "it takes too long", "")

	// ctx ends a waiting request, and nothing waits for ever.
	ctx, stop := context.WithCancelCause(context.Background())
	interrupted := errors.New("interrupted")
	req = ti.request(archive)
	req.Pending = e.BeginLoad(ctx, req.Platform, archive[:pendingHead])
	stop(interrupted)
	if err := e.Load(ctx, req); !errors.Is(err, interrupted) {
		t.Errorf("interrupted: %v", err)
	}
	if has, err := e.Has(context.Background(), ti.Ref, ti.Config, ti.Manifest); has || err != nil {
		t.Errorf("after all failures: %v, %v", has, err)
	}
}

// An image that the engine fails to inspect counts as missing, and loading it repairs it. podman fails like this if a layer is gone.
func TestBrokenImage(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ti := (&testImage{}).build(t)
	ti.cleanup(t, e)
	broken := true
	sick := between(t, e, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/images/load") {
			broken = false
		}
		fails := broken && strings.HasSuffix(r.URL.Path, "/json")
		if fails {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			w.Write([]byte(`{"message":"layer not known"}`))
		}
		return fails
	})
	_, found, err := sick.Image(context.Background(), ti.Ref)
	var b *BrokenImageError
	if !errors.As(err, &b) || found || !strings.Contains(err.Error(), "layer not known") {
		t.Errorf("%v, %v", found, err)
	}
	if has, err := sick.Has(context.Background(), ti.Ref, ti.Config); has || err != nil {
		t.Errorf("%v, %v", has, err)
	}
	if err := sick.Load(context.Background(), ti.request(ti.archive(t))); err != nil {
		t.Errorf("loading it again: %v", err)
	}
}

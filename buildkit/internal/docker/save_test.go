package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
)

// Save writes the image with all its layers, by name and by ID.
func TestSave(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ti := (&testImage{}).build(t).load(t, e)
		img, found, err := e.Image(context.Background(), ti.Ref)
		if err != nil || !found {
			t.Fatalf("found %v, error %v", found, err)
		}
		if img.Platform.OS != "linux" || img.Platform.Architecture != ti.Arch {
			t.Errorf("the image is for %+v, want linux on %s", img.Platform, ti.Arch)
		}
		for _, ref := range []string{ti.Ref, img.ID} {
			var out bytes.Buffer
			if err := e.Save(context.Background(), ref, &out); err != nil {
				t.Fatal(err)
			}
			files := 0
			for tr := tar.NewReader(&out); ; files++ {
				if _, err := tr.Next(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if files < 3 {
				t.Errorf("the archive of %s has %d files", ref, files)
			}
		}
	})
}

func TestSaveFails(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	if err := e.Save(context.Background(), "fromscratch-test-"+dockertest.Random()+":none", io.Discard); err == nil {
		t.Error("an image that is not there was saved")
	}
	ti := (&testImage{}).build(t).load(t, e)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := e.Save(ctx, ti.Ref, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want the context's", err)
	}
	full := errors.New("the disk is full")
	if err := e.Save(context.Background(), ti.Ref, failing{full}); !errors.Is(err, full) {
		t.Errorf("the error is %v, want the writer's", err)
	}
}

// failing is a writer that always fails.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

package docker

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
)

// testImage is an image made by hand. Its default program is the test program.
type testImage dockertest.Image

func (ti *testImage) made() *dockertest.Image { return (*dockertest.Image)(ti) }

func (ti *testImage) build(t *testing.T) *testImage {
	t.Helper()
	if ti.Program == nil {
		content, err := os.ReadFile(program(t, "program"))
		if err != nil {
			t.Fatal(err)
		}
		ti.Program = content
	}
	ti.made().Build(t)
	return ti
}

func (ti *testImage) archive(t *testing.T, omit ...string) []byte {
	t.Helper()
	return ti.made().Archive(t, omit...)
}

// request returns the request to load the archive.
func (ti *testImage) request(archive []byte) LoadRequest {
	return LoadRequest{
		Ref: ti.Ref, IDs: []string{ti.Config, ti.Manifest}, Label: dockertest.Label + "=true",
		Platform: Platform{OS: "linux", Architecture: ti.Arch},
		Write: func(_ context.Context, w io.Writer) error {
			_, err := io.Copy(w, bytes.NewReader(archive))
			return err
		},
	}
}

// load loads the image for a test, and removes it at the end.
func (ti *testImage) load(t *testing.T, e *Engine) *testImage {
	t.Helper()
	ti.cleanup(t, e)
	if err := e.Load(context.Background(), ti.request(ti.archive(t))); err != nil {
		t.Fatal(err)
	}
	return ti
}

func (ti *testImage) cleanup(t *testing.T, e *Engine) {
	t.Helper()
	ti.made().Cleanup(t, e.api)
}

func removeImage(t *testing.T, e *Engine, ref string) {
	t.Helper()
	if _, err := e.api.ImageRemove(context.Background(), ref, image.RemoveOptions{}); err != nil && !errdefs.IsNotFound(err) {
		t.Logf("removing %s: %v", ref, err)
	}
}

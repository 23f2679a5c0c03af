package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
)

// random is a short name that no other test has.
func random() string {
	b := make([]byte, 4)
	rand.Read(b)
	return hex.EncodeToString(b)
}

const testLabel = "fromscratch-test"

// testImage is an image made by hand: an OCI layout with a manifest.json, in memory.
type testImage struct {
	Ref        string            // default: a new one
	Arch       string            // default: this machine's
	Entrypoint []string          // default: /program
	Labels     map[string]string // and always testLabel
	Salt       string            // makes it another image; default: random
	Mode       int64             // of the program, default 0755
	Program    []byte            // default: the test program

	blobs    map[string][]byte
	layers   []string // digests, lowest first
	config   string
	manifest string
}

func (ti *testImage) build(t *testing.T) *testImage {
	t.Helper()
	if ti.Ref == "" {
		ti.Ref = "fromscratch-test-" + random() + ":latest"
	}
	if ti.Salt == "" { // the same image in two test processes would be removed by one of them
		ti.Salt = random()
	}
	if ti.Arch == "" {
		ti.Arch = runtime.GOARCH
	}
	if ti.Entrypoint == nil {
		ti.Entrypoint = []string{"/program"}
	}
	if ti.Mode == 0 {
		ti.Mode = 0o755
	}
	if ti.Program == nil {
		content, err := os.ReadFile(program(t, "program"))
		if err != nil {
			t.Fatal(err)
		}
		ti.Program = content
	}
	ti.blobs = map[string][]byte{}
	ti.layers = []string{
		ti.blob(tarOf(t, "etc/motd", 0o644, []byte("fromscratch-test"))),
		ti.blob(tarOf(t, "etc/salt", 0o644, []byte(ti.Salt))),
		ti.blob(tarOf(t, "program", ti.Mode, ti.Program)),
	}
	ti.describe(t)
	return ti
}

// describe makes config and manifest.
func (ti *testImage) describe(t *testing.T) {
	t.Helper()
	labels := map[string]string{testLabel: "true"}
	for k, v := range ti.Labels {
		labels[k] = v
	}
	config := toJSON(t, map[string]any{
		"architecture": ti.Arch, "os": "linux",
		"config": map[string]any{"Entrypoint": ti.Entrypoint, "Labels": labels},
		"rootfs": map[string]any{"type": "layers", "diff_ids": ti.layers},
	})
	ti.config = ti.blob(config)
	const oci = "application/vnd.oci.image."
	var layers []any
	for _, l := range ti.layers {
		layers = append(layers, map[string]any{"mediaType": oci + "layer.v1.tar", "digest": l, "size": len(ti.blobs[l])})
	}
	manifest := toJSON(t, map[string]any{
		"schemaVersion": 2, "mediaType": oci + "manifest.v1+json", "layers": layers,
		"config": map[string]any{"mediaType": oci + "config.v1+json", "digest": ti.config, "size": len(config)},
	})
	ti.manifest = ti.blob(manifest)
}

func (ti *testImage) blob(content []byte) string {
	sum := sha256.Sum256(content)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	ti.blobs[digest] = content
	return digest
}

// archive is the image as all engines take it, without the blobs in omit.
func (ti *testImage) archive(t *testing.T, omit ...string) []byte {
	t.Helper()
	blobPath := func(digest string) string { return "blobs/sha256/" + strings.TrimPrefix(digest, "sha256:") }
	var layers []string
	for _, l := range ti.layers {
		layers = append(layers, blobPath(l))
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	add := func(name string, content []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		w.Write(content)
	}
	add("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	add("index.json", toJSON(t, map[string]any{"schemaVersion": 2, "manifests": []any{map[string]any{
		"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": ti.manifest, "size": len(ti.blobs[ti.manifest]),
		"platform":    map[string]string{"os": "linux", "architecture": ti.Arch},
		"annotations": map[string]string{"io.containerd.image.name": "docker.io/library/" + ti.Ref},
	}}}))
	add("manifest.json", toJSON(t, []any{map[string]any{
		"Config": blobPath(ti.config), "RepoTags": []string{ti.Ref}, "Layers": layers,
	}}))
	left := strings.Join(omit, " ")
	for _, digest := range append([]string{ti.config, ti.manifest}, ti.layers...) {
		if !strings.Contains(left, digest) {
			add(blobPath(digest), ti.blobs[digest])
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// request loads the archive, in pieces as an archive's writer would.
func (ti *testImage) request(archive []byte) LoadRequest {
	return LoadRequest{
		Ref: ti.Ref, IDs: []string{ti.config, ti.manifest}, Label: testLabel + "=true",
		Platform: Platform{OS: "linux", Architecture: ti.Arch},
		Write: func(_ context.Context, w io.Writer) error {
			_, err := io.Copy(w, bytes.NewReader(archive))
			return err
		},
	}
}

// load loads the image for a test, which fails without it, and removes it at the end.
func (ti *testImage) load(t *testing.T, e *Engine) *testImage {
	t.Helper()
	ti.cleanup(t, e)
	if err := e.Load(context.Background(), ti.request(ti.archive(t))); err != nil {
		t.Fatal(err)
	}
	return ti
}

// cleanup removes the image at the end of the test, by name and by ID: an ID of ours names nothing else.
func (ti *testImage) cleanup(t *testing.T, e *Engine) {
	t.Cleanup(func() {
		for _, name := range []string{ti.Ref, ti.config, ti.manifest} {
			_, err := e.api.ImageRemove(context.Background(), name, image.RemoveOptions{Force: true, PruneChildren: true})
			if err != nil && !errdefs.IsNotFound(err) {
				t.Logf("removing %s: %v", name, err)
			}
		}
	})
}

func removeImage(t *testing.T, e *Engine, ref string) {
	t.Helper()
	if _, err := e.api.ImageRemove(context.Background(), ref, image.RemoveOptions{}); err != nil && !errdefs.IsNotFound(err) {
		t.Logf("removing %s: %v", ref, err)
	}
}

func tarOf(t *testing.T, name string, mode int64, content []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	header := &tar.Header{Name: name, Mode: mode, Size: int64(len(content)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
	err := w.WriteHeader(header)
	_, writeErr := w.Write(content)
	if err := errors.Join(err, writeErr, w.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func toJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

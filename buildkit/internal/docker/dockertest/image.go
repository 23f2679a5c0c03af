package dockertest

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Random returns a short name that no other test uses.
func Random() string {
	b := make([]byte, 4)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// Label marks the images and containers that tests make in an engine.
const Label = "fromscratch-test"

// RunLabel returns the value of Label for the containers of this test process. Other processes may run beside it.
func RunLabel() string { return fmt.Sprintf("run-%d", os.Getpid()) }

// Image is an image made by hand, in memory: an OCI layout with a manifest.json. Call Build first.
type Image struct {
	Ref        string            // default: a new one
	Arch       string            // default: this machine's
	Entrypoint []string          // default: /program
	Labels     map[string]string // added to Label
	Salt       string            // makes the image unique; default: random
	Mode       int64             // of the program, default 0755
	Program    []byte            // required

	Layers   []string // digests, lowest first; set by Build
	Config   string   // digest; set by Build
	Manifest string   // digest; set by Build

	blobs map[string][]byte
}

// Build sets the defaults and makes the blobs.
func (ti *Image) Build(t *testing.T) *Image {
	t.Helper()
	if ti.Ref == "" {
		ti.Ref = "fromscratch-test-" + Random() + ":latest"
	}
	if ti.Salt == "" { // the same image in two test processes would be removed by one of them
		ti.Salt = Random()
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
	ti.blobs = map[string][]byte{}
	ti.Layers = []string{
		ti.Blob(Tar(t, "etc/motd", 0o644, []byte("fromscratch-test"))),
		ti.Blob(Tar(t, "etc/salt", 0o644, []byte(ti.Salt))),
		ti.Blob(Tar(t, "program", ti.Mode, ti.Program)),
	}
	ti.Describe(t)
	return ti
}

// Describe makes the config and the manifest for the Layers.
func (ti *Image) Describe(t *testing.T) {
	t.Helper()
	labels := map[string]string{Label: "true"}
	for k, v := range ti.Labels {
		labels[k] = v
	}
	config := toJSON(t, map[string]any{
		"architecture": ti.Arch, "os": "linux",
		"config": map[string]any{"Entrypoint": ti.Entrypoint, "Labels": labels},
		"rootfs": map[string]any{"type": "layers", "diff_ids": ti.Layers},
	})
	ti.Config = ti.Blob(config)
	const oci = "application/vnd.oci.image."
	var layers []any
	for _, l := range ti.Layers {
		layers = append(layers, map[string]any{"mediaType": oci + "layer.v1.tar", "digest": l, "size": len(ti.blobs[l])})
	}
	manifest := toJSON(t, map[string]any{
		"schemaVersion": 2, "mediaType": oci + "manifest.v1+json", "layers": layers,
		"config": map[string]any{"mediaType": oci + "config.v1+json", "digest": ti.Config, "size": len(config)},
	})
	ti.Manifest = ti.Blob(manifest)
}

// Blob adds a blob and returns its digest.
func (ti *Image) Blob(content []byte) string {
	sum := sha256.Sum256(content)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	ti.blobs[digest] = content
	return digest
}

// Archive returns the image without the blobs in omit, in the form that all engines load.
func (ti *Image) Archive(t *testing.T, omit ...string) []byte {
	t.Helper()
	blobPath := func(digest string) string { return "blobs/sha256/" + strings.TrimPrefix(digest, "sha256:") }
	var layers []string
	for _, l := range ti.Layers {
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
		"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": ti.Manifest, "size": len(ti.blobs[ti.Manifest]),
		"platform":    map[string]string{"os": "linux", "architecture": ti.Arch},
		"annotations": map[string]string{"io.containerd.image.name": "docker.io/library/" + ti.Ref},
	}}}))
	add("manifest.json", toJSON(t, []any{map[string]any{
		"Config": blobPath(ti.Config), "RepoTags": []string{ti.Ref}, "Layers": layers,
	}}))
	left := strings.Join(omit, " ")
	for _, digest := range append([]string{ti.Config, ti.Manifest}, ti.Layers...) {
		if !strings.Contains(left, digest) {
			add(blobPath(digest), ti.blobs[digest])
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Tar returns an archive of one file.
func Tar(t *testing.T, name string, mode int64, content []byte) []byte {
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

package base

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// squeezed returns the compressed output of a writer, and the digest of the uncompressed output.
func squeezed(t *testing.T, write func(io.Writer) error) ([]byte, digest.Digest) {
	t.Helper()
	var out bytes.Buffer
	zw, err := zstd.NewWriter(&out, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	whole := digest.Canonical.Digester()
	if err := errors.Join(write(io.MultiWriter(zw, whole.Hash())), zw.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), whole.Digest()
}

// layerOfZeros returns a compressed layer with one file of zeros.
func layerOfZeros(t *testing.T, name string, size int64) ([]byte, digest.Digest) {
	t.Helper()
	return squeezed(t, func(w io.Writer) error {
		tw := tar.NewWriter(w)
		if err := tw.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o644}); err != nil {
			return err
		}
		_, err := io.CopyN(tw, zeros{}, size)
		return errors.Join(err, tw.Close())
	})
}

// layoutOf returns the files of a layout with one image of these layers.
func layoutOf(t *testing.T, blobs [][]byte, diffIDs []digest.Digest) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	add := func(text []byte) ocispec.Descriptor {
		d := digest.FromBytes(text)
		files["blobs/sha256/"+d.Encoded()] = text
		return ocispec.Descriptor{Digest: d, Size: int64(len(text))}
	}
	encode := func(v any) []byte {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	var config ocispec.Image
	config.OS, config.Architecture, config.RootFS.DiffIDs = "linux", "amd64", diffIDs
	var m ocispec.Manifest
	m.Config = add(encode(config))
	for _, b := range blobs {
		m.Layers = append(m.Layers, add(b))
	}
	files["index.json"] = encode(ocispec.Index{Manifests: []ocispec.Descriptor{add(encode(m))}})
	return files
}

// findLayout looks for the base in a layout of these files.
func findLayout(t *testing.T, store string, files map[string][]byte) (*Base, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, text, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return Finder{Cache: store}.Find(context.Background(), Request{Reference: "oci:.", Dir: dir, Platform: linuxAMD64})
}

// onDisk returns the total size of the files below a folder, in bytes.
func onDisk(t *testing.T, dir string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// Many small bombs in one base are refused: the free part counts once for a base.
func TestHeavyBaseOfManyBombs(t *testing.T) {
	const size = 100 << 20
	var blobs [][]byte
	var diffIDs []digest.Digest
	for i := range 4 {
		b, id := layerOfZeros(t, fmt.Sprint(i), size)
		blobs, diffIDs = append(blobs, b), append(diffIDs, id)
	}
	store := t.TempDir()
	_, err := findLayout(t, store, layoutOf(t, blobs, diffIDs))
	if err == nil || !strings.Contains(err.Error(), "bomb") {
		t.Errorf("error %v", err)
	}
	if n := onDisk(t, store); n > expandedFree+1<<20 {
		t.Errorf("%d bytes are on the disk", n)
	}
}

// A bomb in a bomb is limited by the size of the archive, not by that of the decompressed archive.
func TestArchiveOfABombInABomb(t *testing.T) {
	// Entries cost the most for their size. A frame that decoders skip makes the blob as large as needed.
	var plain bytes.Buffer
	tw := tar.NewWriter(&plain)
	for i := range 120_000 {
		if err := tw.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	frame := func(text []byte) []byte {
		b, _ := squeezed(t, func(w io.Writer) error { _, err := w.Write(text); return err })
		return b
	}
	const skipped = 4 << 20
	inner := append(frame(plain.Bytes()[:512]), 0x50, 0x2a, 0x4d, 0x18, 0, 0, skipped>>16, 0)
	inner = append(append(inner, make([]byte, skipped)...), frame(plain.Bytes()[512:])...)
	id := digest.FromBytes(plain.Bytes())
	outer, _ := squeezed(t, func(w io.Writer) error {
		tw := tar.NewWriter(w)
		for name, text := range layoutOf(t, [][]byte{inner}, []digest.Digest{id}) {
			if err := tw.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644}); err != nil {
				return err
			}
			if _, err := tw.Write(text); err != nil {
				return err
			}
		}
		return tw.Close()
	})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.tar.zst"), outer, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("the archive has %d bytes, the blob %d", len(outer), len(inner))
	_, err := Finder{Cache: t.TempDir()}.Find(context.Background(), Request{Reference: "archive:a.tar.zst", Dir: dir, Platform: linuxAMD64})
	if err == nil || !strings.Contains(err.Error(), "too many files") {
		t.Errorf("error %v", err)
	}
}

// A cached layer does not prove that the blob in a manifest is that layer: a push would send the wrong blob.
func TestFindOfAnotherBlobForAKnownLayer(t *testing.T) {
	t.Parallel()
	store := t.TempDir()
	good, id := layerOfZeros(t, "good", 1000)
	evil, _ := layerOfZeros(t, "evil", 1000)
	for range 2 {
		b, err := findLayout(t, store, layoutOf(t, [][]byte{good}, []digest.Digest{id}))
		if err != nil {
			t.Fatal(err)
		}
		if blob := b.Image.Layers[0].Blob; blob == nil || blob.Digest != digest.FromBytes(good) {
			t.Errorf("the blob is %+v", blob)
		}
	}
	if _, err := findLayout(t, store, layoutOf(t, [][]byte{evil}, []digest.Digest{id})); err == nil || !strings.Contains(err.Error(), "the layer is") {
		t.Errorf("another blob: error %v", err)
	}
	if _, err := findLayout(t, store, layoutOf(t, [][]byte{good}, []digest.Digest{id})); err != nil {
		t.Errorf("the right one again: %v", err)
	}
}

package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
)

// blob is content that is addressed by its digest.
type blob struct {
	content []byte
	digest  string // sha256:…
}

func newBlob(content []byte) blob {
	sum := sha256.Sum256(content)
	return blob{content, "sha256:" + hex.EncodeToString(sum[:])}
}

func (b blob) path() string { return "blobs/sha256/" + b.digest[len("sha256:"):] }

// oneLayer is an image of one file, in an archive that every engine reads: an OCI layout
// (https://github.com/opencontainers/image-spec/blob/main/image-layout.md) that also has the manifest.json of
// "docker save".
type oneLayer struct {
	layer, config, manifest blob
	index, dockerManifest   []byte
}

func newOneLayer(binary, name, ref string) (*oneLayer, error) {
	content, err := layerOf(binary, name)
	if err != nil {
		return nil, err
	}
	i := &oneLayer{layer: newBlob(content)}
	i.config = newBlob(marshal(object{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": object{"Entrypoint": []string{"/" + name}},
		"rootfs": object{"type": "layers", "diff_ids": []string{i.layer.digest}},
	}))
	i.manifest = newBlob(marshal(object{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": descriptor("application/vnd.oci.image.config.v1+json", i.config, nil),
		"layers": []object{descriptor("application/vnd.oci.image.layer.v1.tar", i.layer, nil)},
	}))
	named := object{"io.containerd.image.name": "docker.io/library/" + ref, "org.opencontainers.image.ref.name": "latest"}
	i.index = marshal(object{
		"schemaVersion": 2,
		"manifests":     []object{descriptor("application/vnd.oci.image.manifest.v1+json", i.manifest, named)},
	})
	i.dockerManifest = marshal([]object{{"Config": i.config.path(), "RepoTags": []string{ref}, "Layers": []string{i.layer.path()}}})
	return i, nil
}

// object is a JSON object. Its keys are written in sorted order.
type object map[string]any

// marshal cannot fail, because its values have only strings and numbers.
func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func descriptor(mediaType string, b blob, annotations object) object {
	d := object{"mediaType": mediaType, "digest": b.digest, "size": len(b.content)}
	if annotations != nil {
		d["annotations"] = annotations
	}
	return d
}

// layerOf returns a tar of one file.
func layerOf(binary, name string) (layer []byte, err error) {
	f, err := os.Open(binary)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(int(info.Size()) + 8<<10)
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: info.Size()}); err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, f); err != nil {
		return nil, err
	}
	err = w.Close() // writes the end of the archive
	return b.Bytes(), err
}

// write writes the archive.
func (i *oneLayer) write(to io.Writer) error {
	w := tar.NewWriter(to)
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{"index.json", i.index},
		{"manifest.json", i.dockerManifest},
		{i.manifest.path(), i.manifest.content},
		{i.config.path(), i.config.content},
		{i.layer.path(), i.layer.content},
	} {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.content))}); err != nil {
			return err
		}
		if _, err := w.Write(f.content); err != nil {
			return err
		}
	}
	return w.Close()
}

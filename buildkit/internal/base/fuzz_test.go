package base

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

var linuxAMD64 = image.Platform{OS: "linux", Architecture: "amd64"}

// FuzzFlatten flattens two layers of any bytes. The result must be a file system that can be walked, with valid paths.
func FuzzFlatten(f *testing.F) {
	for _, entries := range [][]entry{
		{"a=1", "d/", "d/x=1", "l->d", "h=>a"}, {".wh.a", "d/.wh..wh..opq", "l/y=2"}, {"a->b", "b->a", "c->../../c"}, {"l->/d", "d/", "l/../z=1"},
	} {
		name := layerFile(f, entries...)
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, text)
		f.Add(text, []byte{})
	}
	f.Fuzz(func(t *testing.T, lower, upper []byte) {
		dir := t.TempDir()
		var layers []string
		for i, text := range [][]byte{lower, upper} {
			layers = append(layers, filepath.Join(dir, string(rune('a'+i))))
			if err := os.WriteFile(layers[i], text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		flat, err := flatten(context.Background(), layers, int64(len(lower)+len(upper)))
		if err != nil {
			return
		}
		err = fs.WalkDir(flat, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := flat.Lstat(name)
			if err != nil || info.Mode().IsDir() != d.IsDir() {
				t.Errorf("%q is listed as %v and is %v (%v)", name, d, info, err)
			}
			return nil
		})
		if err != nil {
			t.Errorf("walking it: %v", err)
		}
	})
}

// FuzzExpand expands any bytes with the right digest and any claimed size.
func FuzzExpand(f *testing.F) {
	f.Add([]byte("a layer"), int64(7))
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0}, int64(20))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 4, 0, 1, 0, 0}, int64(1)<<39)
	f.Fuzz(func(t *testing.T, text []byte, size int64) {
		blob := image.Blob{Digest: digest.FromBytes(text), Size: size, Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(text)), nil
		}}
		var out counting
		err := expand(context.Background(), &out, blob, digest.FromBytes(text), &account{})
		if most := int64(len(text))*expandedFactor + expandedFree; int64(out) > most {
			t.Errorf("%d bytes came of %d (%v)", out, len(text), err)
		}
		if err == nil && size != int64(len(text)) {
			t.Errorf("a blob of %d bytes was taken for one of %d", len(text), size)
		}
	})
}

// FuzzLayout chooses an image in a layout whose documents are any bytes. In the index, DIGEST stands for the digest of the one
// blob; in the blob, any digest leads to it.
func FuzzLayout(f *testing.F) {
	config := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`)
	manifest, err := json.Marshal(ocispec.Manifest{
		Config: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config))},
	})
	if err != nil {
		f.Fatal(err)
	}
	index := []byte(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"DIGEST","size":SIZE,"annotations":{"org.opencontainers.image.ref.name":"1"}}]}`)
	f.Add(index, manifest, config, "1")
	f.Add(index, []byte(`{"manifests":[{"digest":"sha256:1"}]}`), config, "")
	f.Add([]byte(`{}`), manifest, config, "")
	f.Add([]byte(`{"manifests":[{"digest":"sha256:../../../../etc/passwd","size":1}]}`), manifest, config, "x")
	f.Fuzz(func(t *testing.T, index, manifest, config []byte, tag string) {
		dir := t.TempDir()
		blobs := filepath.Join(dir, "blobs", "sha256")
		if err := os.MkdirAll(blobs, 0o755); err != nil {
			t.Fatal(err)
		}
		size, err := json.Marshal(len(manifest))
		if err != nil {
			t.Fatal(err)
		}
		index = bytes.ReplaceAll(index, []byte("DIGEST"), []byte(digest.FromBytes(manifest)))
		index = bytes.ReplaceAll(index, []byte("SIZE"), size)
		for name, text := range map[string][]byte{
			filepath.Join(dir, "index.json"): index, filepath.Join(dir, "manifest.json"): manifest,
			filepath.Join(blobs, digest.FromBytes(manifest).Encoded()): manifest, filepath.Join(blobs, digest.FromBytes(config).Encoded()): config,
		} {
			if err := os.WriteFile(name, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range []store{layout(dir), hidden{layout(dir)}} {
			c, err := choose(context.Background(), s, tag, linuxAMD64)
			if err != nil {
				continue
			}
			if _, err := image.ParseBase(c.Config, nil); err != nil {
				continue
			}
			for _, b := range c.blobs {
				if b.Size < 0 {
					t.Errorf("a layer has %d bytes", b.Size)
				}
			}
		}
	})
}

// hidden is a layout without its index, like an archive of docker.
type hidden struct{ layout }

func (h hidden) open(name string) (io.ReadCloser, int64, error) {
	if name == ocispec.ImageIndexFile {
		return nil, 0, fs.ErrNotExist
	}
	return h.layout.open(name)
}

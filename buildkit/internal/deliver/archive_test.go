package deliver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// An archive is a layout: the test follows it like a reader, with the specification's types, from index.json through the
// descriptors to the blobs. Every file must be reached.
func TestArchiveIsALayout(t *testing.T) {
	t.Parallel()
	img := small(t)
	names, content := untarred(t, written(t, deliver.Archive{Image: img, Refs: []string{"hello", "registry.example:5000/acme/hello:1.2"}}))

	var layout ocispec.ImageLayout
	decode(t, content["oci-layout"], &layout)
	if layout.Version != "1.0.0" {
		t.Errorf("layout version %q", layout.Version)
	}
	var index ocispec.Index
	decode(t, content["index.json"], &index)
	if index.SchemaVersion != 2 || index.MediaType != ocispec.MediaTypeImageIndex || len(index.Manifests) != 2 {
		t.Fatalf("index %+v", index)
	}
	reached := map[string]bool{"oci-layout": true, "index.json": true, "manifest.json": true}
	for i, want := range []map[string]string{
		{"io.containerd.image.name": "docker.io/library/hello:latest", "org.opencontainers.image.ref.name": "latest"},
		{"io.containerd.image.name": "registry.example:5000/acme/hello:1.2", "org.opencontainers.image.ref.name": "1.2"},
	} {
		d := index.Manifests[i]
		if !reflect.DeepEqual(d.Annotations, want) || d.Digest != img.ManifestDigest || d.MediaType != ocispec.MediaTypeImageManifest {
			t.Errorf("descriptor %d is %+v, want the annotations %v", i, d, want)
		}
		if d.Platform == nil || d.Platform.OS != "linux" || d.Platform.Architecture != runtime.GOARCH {
			t.Errorf("descriptor %d has the platform %+v", i, d.Platform)
		}
		var manifest ocispec.Manifest
		decode(t, blob(t, content, d, reached), &manifest)
		var config ocispec.Image
		if err := json.Unmarshal(blob(t, content, manifest.Config, reached), &config); err != nil {
			t.Fatal(err)
		}
		for i, l := range manifest.Layers {
			if got := digest.FromBytes(blob(t, content, l, reached)); got != config.RootFS.DiffIDs[i] {
				t.Errorf("layer %d has the diff ID %s, the configuration says %s", i, got, config.RootFS.DiffIDs[i])
			}
		}
	}
	for name := range content {
		if !reached[name] {
			t.Errorf("nothing points to %q", name)
		}
	}
	want := []string{"oci-layout", "index.json", "manifest.json", "blobs/", "blobs/sha256/", blobPath(img.ManifestDigest),
		blobPath(img.ConfigDigest), blobPath(img.Layers[0].DiffID), blobPath(img.Layers[1].DiffID)}
	if !slices.Equal(names, want) {
		t.Errorf("the order is %q, want %q", names, want)
	}
}

func blobPath(d digest.Digest) string { return "blobs/sha256/" + d.Encoded() }

// blob returns the blob that d describes, and checks its digest and size.
func blob(t *testing.T, content map[string][]byte, d ocispec.Descriptor, reached map[string]bool) []byte {
	t.Helper()
	path := blobPath(d.Digest)
	raw, ok := content[path]
	if !ok {
		t.Fatalf("no blob %q", path)
	}
	if digest.FromBytes(raw) != d.Digest || int64(len(raw)) != d.Size {
		t.Errorf("blob %q has the digest %s and %d bytes, the descriptor says %d", path, digest.FromBytes(raw), len(raw), d.Size)
	}
	reached[path] = true
	return raw
}

// decode refuses fields that the type does not have.
func decode(t *testing.T, raw []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("decoding %q: %v", raw, err)
	}
}

func TestArchiveHasDockersManifest(t *testing.T) {
	t.Parallel()
	img := small(t)
	for _, tt := range []struct {
		name string
		refs []string
		want []string
	}{
		{"no reference", nil, nil},
		{"full names", []string{"hello", "acme/hello:1", "localhost/hello"},
			[]string{"docker.io/library/hello:latest", "docker.io/acme/hello:1", "localhost/hello:latest"}},
		{"one name in two forms", []string{"hello", "docker.io/library/hello:latest"}, []string{"docker.io/library/hello:latest"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, content := untarred(t, written(t, deliver.Archive{Image: img, Refs: tt.refs}))
			type manifest struct {
				Config           string
				RepoTags, Layers []string
			}
			var got []manifest
			decode(t, content["manifest.json"], &got)
			want := []manifest{{blobPath(img.ConfigDigest), tt.want, []string{blobPath(img.Layers[0].DiffID), blobPath(img.Layers[1].DiffID)}}}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			var index ocispec.Index
			decode(t, content["index.json"], &index)
			if len(index.Manifests) != max(1, len(tt.want)) {
				t.Errorf("the index names %d manifests", len(index.Manifests))
			}
			if tt.refs == nil && index.Manifests[0].Annotations != nil {
				t.Errorf("an unnamed image has the annotations %v", index.Manifests[0].Annotations)
			}
		})
	}
}

func TestArchiveRefusesReferences(t *testing.T) {
	t.Parallel()
	img := small(t)
	sum := "@" + string(img.ManifestDigest)
	for _, ref := range []string{"", "Hello", "hello:", "hello:a b", "hello@sha256:12", "hello" + sum, "hello:1" + sum,
		"https://registry.example/hello", "../hello", img.ConfigDigest.Encoded()} {
		var buf bytes.Buffer
		err := deliver.Archive{Image: img, Refs: []string{"good", ref}}.Write(context.Background(), &buf)
		wantError(t, err, `parsing the reference "`+ref+`"`, "fix: write")
		if buf.Len() > 0 {
			t.Errorf("%q: %d bytes were written", ref, buf.Len())
		}
	}
	wantError(t, deliver.Archive{}.Write(context.Background(), io.Discard), "no image")
}

func TestArchiveLayersOnceAndOmitted(t *testing.T) {
	t.Parallel()
	system, files, program := layer(t, "system", text("a", "1")), layer(t, "files", text("b", "2")), layer(t, "program", text("c", "3"))
	for _, tt := range []struct {
		name   string
		layers []*image.Layer
		omit   []*image.Layer
		want   []*image.Layer
	}{
		{"all", []*image.Layer{system, files, program}, nil, []*image.Layer{system, files, program}},
		{"the same twice", []*image.Layer{system, program, system}, nil, []*image.Layer{system, program}},
		{"the lowest omitted", []*image.Layer{system, files, program}, []*image.Layer{system}, []*image.Layer{files, program}},
		{"all omitted", []*image.Layer{system, program}, []*image.Layer{system, program}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			img := newImage(t, image.Config{}, tt.layers...)
			a := deliver.Archive{Image: img, Omit: func(d digest.Digest) bool {
				return slices.ContainsFunc(tt.omit, func(l *image.Layer) bool { return l.DiffID == d })
			}}
			names, content := untarred(t, written(t, a))
			var want []string
			for _, l := range tt.want {
				want = append(want, blobPath(l.DiffID))
			}
			if got := names[7:]; !slices.Equal(got, want) { // after the small files
				t.Errorf("layers %q, want %q", got, want)
			}
			if got := strings.Count(string(content["manifest.json"]), "blobs/"); got != 1+len(tt.layers) {
				t.Errorf("manifest.json must name the configuration and every layer: %s", content["manifest.json"])
			}
		})
	}
}

// The archive does not depend on the time: two images made separately give the same bytes.
func TestArchiveIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	refs := []string{"b", "a", "c"}
	first := written(t, deliver.Archive{Image: small(t), Refs: refs})
	path := writtenFile(t, deliver.Archive{Image: small(t), Refs: refs})
	second, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("two archives of the same image differ")
	}
}

func TestArchiveErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("the cable is cut")
	img := small(t)
	size := len(written(t, deliver.Archive{Image: img}))
	for limit := 0; limit < size; limit += 500 {
		err := deliver.Archive{Image: img}.Write(context.Background(), &limited{limit, broken})
		if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "writing the archive: ") {
			t.Fatalf("after %d bytes: error %v", limit, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := (deliver.Archive{Image: img}).Write(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

// limited fails after some bytes.
type limited struct {
	left int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		return l.left, l.err
	}
	l.left -= len(p)
	return len(p), nil
}

// A big layer is streamed: the allocated memory is a fraction of its size.
func TestArchiveOfAHugeLayerNeedsLittleMemory(t *testing.T) {
	const size, bound = 300 << 20, 8 << 20
	path := filepath.Join(t.TempDir(), "sparse")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	img := newImage(t, image.Config{}, layer(t, "huge", onDisk(t, "huge", path)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := (deliver.Archive{Image: img, Refs: []string{"huge"}}).Write(context.Background(), io.Discard); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > bound {
		t.Errorf("%d MiB were allocated for a layer of %d MiB, want at most %d", got>>20, size>>20, bound>>20)
	}
}

// With several platforms, an engine that cannot choose gets its own, and other readers find theirs in the index.
func TestArchiveOfSeveralPlatforms(t *testing.T) {
	t.Parallel()
	l := layer(t, "shared", text("shared", "1"))
	amd, arm := imageOn(t, "amd64", l, layer(t, "p", text("app", "amd"))), imageOn(t, "arm64", l, layer(t, "p", text("app", "arm")))
	for _, tt := range []struct {
		name     string
		platform image.Platform
		own      *image.Image
	}{
		{"the first", image.Platform{}, arm},
		{"the engine's", image.Platform{OS: "linux", Architecture: "amd64"}, amd},
		{"another variant", image.Platform{OS: "linux", Architecture: "amd64", Variant: "v3"}, amd},
		{"one without an image", image.Platform{OS: "linux", Architecture: "riscv64"}, arm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := deliver.Archive{Images: []*image.Image{arm, amd}, Platform: tt.platform, Refs: []string{"hello:1"}}
			names, content := untarred(t, written(t, a))
			var manifests []struct{ Config string }
			if err := json.Unmarshal(content["manifest.json"], &manifests); err != nil || len(manifests) != 1 || manifests[0].Config != blobPath(tt.own.ConfigDigest) {
				t.Errorf("manifest.json is %s, want the image %s", content["manifest.json"], tt.own.ConfigDigest)
			}
			for _, d := range slices.Concat(blobsOf(amd), blobsOf(arm)) {
				if n := strings.Count(strings.Join(names, "\n"), blobPath(d)); n != 1 {
					t.Errorf("the blob %s occurs %d times", d, n)
				}
			}
			if _, err := exec.LookPath("skopeo"); err != nil {
				return
			}
			path := writtenFile(t, a)
			for arch, img := range map[string]*image.Image{"amd64": amd, "arm64": arm} {
				got := run(t, "skopeo", "--override-arch", arch, "inspect", "--config", "--raw", "oci-archive:"+path)
				if strings.TrimSpace(got) != string(img.RawConfig) {
					t.Errorf("for %s skopeo reads %s", arch, got)
				}
			}
		})
	}
	for _, a := range []deliver.Archive{{Image: amd, Images: []*image.Image{arm}}, {Images: []*image.Image{nil}}, {Images: []*image.Image{amd, amd}}} {
		if err := a.Write(context.Background(), io.Discard); err == nil {
			t.Errorf("%+v is written", a)
		}
	}
}

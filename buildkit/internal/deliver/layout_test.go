package deliver_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// imageOn returns an image for an architecture.
func imageOn(t *testing.T, arch string, layers ...*image.Layer) *image.Image {
	t.Helper()
	img, err := image.New(image.Config{Platform: image.Platform{Architecture: arch}, Entrypoint: []string{"/app"}}, layers)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// writeLayout writes an image into the layout at dir, which must succeed.
func writeLayout(t *testing.T, dir, ref string, images ...*image.Image) {
	t.Helper()
	l := deliver.Layout{Dir: dir, Images: images}
	if ref != "" {
		l.Refs = []string{ref}
	}
	if err := l.Write(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// filesIn lists the files below dir with their content.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// wantBlobs checks that the layout has exactly these blobs, complete.
func wantBlobs(t *testing.T, dir string, want ...digest.Digest) {
	t.Helper()
	var got, names []string
	for name, text := range filesIn(t, filepath.Join(dir, "blobs", "sha256")) {
		got = append(got, name)
		if digest.FromString(text).Encoded() != name {
			t.Errorf("the blob %s has the bytes of another", name)
		}
	}
	for _, d := range want {
		names = append(names, d.Encoded())
	}
	slices.Sort(got)
	slices.Sort(names)
	if names = slices.Compact(names); !slices.Equal(got, names) {
		t.Errorf("the blobs are\n%q, want\n%q", got, names)
	}
}

// blobsOf returns all digests of an image.
func blobsOf(img *image.Image) []digest.Digest {
	all := []digest.Digest{img.ManifestDigest, img.ConfigDigest}
	for _, b := range img.Blobs() {
		all = append(all, b.Digest)
	}
	return all
}

func indexOf(t *testing.T, dir string) ocispec.Index {
	t.Helper()
	var index ocispec.Index
	decode(t, []byte(filesIn(t, dir)["index.json"]), &index)
	return index
}

func TestLayoutKeepsOthersAndReplacesItsOwn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "layout")
	shared := layer(t, "shared", text("shared", "1"))
	first := imageOn(t, "amd64", shared, layer(t, "program", text("app", "first")))
	second := imageOn(t, "amd64", shared, layer(t, "program", text("app", "second")))
	other := imageOn(t, "amd64", shared, layer(t, "program", text("other", "x")))

	writeLayout(t, dir, "hello:1", first)
	writeLayout(t, dir, "registry.invalid/acme/other", other)
	wantBlobs(t, dir, slices.Concat(blobsOf(first), blobsOf(other))...)
	before := filesIn(t, dir)
	writeLayout(t, dir, "hello:1", first)
	if after := filesIn(t, dir); !equal(before, after) {
		t.Error("the same image again changes the layout")
	}

	writeLayout(t, dir, "docker.io/library/hello:1", second)
	wantBlobs(t, dir, slices.Concat(blobsOf(second), blobsOf(other))...)
	var names []string
	for _, m := range indexOf(t, dir).Manifests {
		names = append(names, m.Annotations[ocispec.AnnotationRefName])
	}
	if want := []string{"hello:1", "registry.invalid/acme/other:latest"}; !slices.Equal(names, want) {
		t.Errorf("the names are %q, want %q", names, want)
	}

	// The same image under two names, of which one is taken away.
	writeLayout(t, dir, "hello:2", second)
	writeLayout(t, dir, "hello:1", first)
	wantBlobs(t, dir, slices.Concat(blobsOf(first), blobsOf(second), blobsOf(other))...)
	for name := range filesIn(t, dir) {
		if strings.Contains(name, "fromscratch") {
			t.Errorf("%q is left in the folder", name)
		}
	}
}

func equal(a, b map[string]string) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// Everything that other tools have written stays, even unknown fields, entries, and blobs that nothing leads to.
func TestLayoutOfSomebodyElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stranger := digest.FromString("stranger")
	for name, text := range map[string]string{
		"oci-layout":                            `{"imageLayoutVersion": "1.0.0"}`,
		"index.json":                            `{"schemaVersion":2,"x":[1],"manifests":[{"mediaType":"text/x","digest":"` + string(stranger) + `","size":8,"y":"z","annotations":{"org.opencontainers.image.ref.name":"theirs"}}]}`,
		"blobs/sha256/" + stranger.Encoded():    "stranger",
		"blobs/sha256/.fromscratch-1234abc.tmp": "of a run that was killed",
		"notes.txt":                             "mine",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	first, second := imageOn(t, "amd64", layer(t, "p", text("a", "1"))), imageOn(t, "amd64", layer(t, "p", text("a", "2")))
	writeLayout(t, dir, "hello", first)
	wantBlobs(t, dir, append(blobsOf(first), stranger)...)
	// With an unknown entry in the index, no blob is known to be superfluous.
	writeLayout(t, dir, "hello", second)
	wantBlobs(t, dir, slices.Concat(blobsOf(first), blobsOf(second), []digest.Digest{stranger})...)
	files := filesIn(t, dir)
	if !strings.Contains(files["index.json"], `"y":"z"`) || !strings.Contains(files["index.json"], `"x":[1]`) || files["notes.txt"] != "mine" {
		t.Errorf("an entry of another tool is gone: %s", files["index.json"])
	}
}

func TestLayoutMendsABlob(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	img := small(t)
	writeLayout(t, dir, "hello", img)
	path := filepath.Join(dir, filepath.FromSlash(blobPath(img.Layers[1].DiffID)))
	broken := bytes.Repeat([]byte{7}, int(img.Layers[1].Size))
	if err := os.WriteFile(path, broken, 0o644); err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(dir, filepath.FromSlash(blobPath(img.Layers[0].DiffID)))
	before, err := os.Stat(good)
	if err != nil {
		t.Fatal(err)
	}
	writeLayout(t, dir, "hello", img)
	wantBlobs(t, dir, blobsOf(img)...)
	if after, err := os.Stat(good); err != nil || !os.SameFile(before, after) {
		t.Errorf("a correct blob was written again (%v)", err)
	}
}

// A layer of a base image is written as the base has it.
func TestLayoutKeepsTheBlobOfABase(t *testing.T) {
	t.Parallel()
	l := layer(t, "base", text("a", "1"))
	var tarred, packed bytes.Buffer
	if err := l.WriteTo(context.Background(), &tarred); err != nil {
		t.Fatal(err)
	}
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(tarred.Bytes()); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	l.Blob = &image.Blob{
		MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromBytes(packed.Bytes()), Size: int64(packed.Len()),
		Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(packed.Bytes())), nil
		},
	}
	dir := t.TempDir()
	img := imageOn(t, runtime.GOARCH, l, layer(t, "own", text("b", "2")))
	writeLayout(t, dir, "hello", img)
	wantBlobs(t, dir, indexOf(t, dir).Manifests[0].Digest, img.ConfigDigest, l.Blob.Digest, img.Layers[1].DiffID)
	if _, err := os.Stat("/usr/bin/skopeo"); err == nil {
		run(t, "skopeo", "copy", "--insecure-policy", "oci:"+dir+":hello:latest", "docker-archive:"+filepath.Join(t.TempDir(), "copy.tar"))
	}
	l.Blob.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("other")), nil }
	fresh := filepath.Join(t.TempDir(), "fresh")
	wantError(t, deliver.Layout{Dir: fresh, Images: []*image.Image{img}}.Write(context.Background()), "writing the blob", string(l.Blob.Digest))
	if _, err := os.Stat(fresh); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is there (%v)", err)
	}
}

// After an error the layout is unchanged, or there is none if there was none.
func TestLayoutLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		fail func(cancel func()) error // when the layer is read the second time
		want string
	}{
		{"cancelled", func(cancel func()) error { cancel(); return nil }, "context canceled"},
		{"source gone", func(func()) error { return fs.ErrNotExist }, "file does not exist"},
	} {
		for _, before := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				opened := 0
				img := imageOn(t, "amd64", layer(t, "system", text("a", "1")), layer(t, "program", image.File{
					Header: tar.Header{Name: "app", Size: 5},
					Open: func() (io.ReadCloser, error) {
						if opened++; opened == 1 {
							return io.NopCloser(strings.NewReader("first")), nil
						}
						return io.NopCloser(strings.NewReader("first")), tt.fail(cancel)
					}}))
				parent := t.TempDir()
				dir := filepath.Join(parent, "x", "layout")
				if before {
					writeLayout(t, dir, "hello", small(t))
				}
				was := filesIn(t, parent)
				err := deliver.Layout{Dir: dir, Images: []*image.Image{img}, Refs: []string{"hello"}}.Write(ctx)
				wantError(t, err, tt.want, "writing the layout", dir)
				if is := filesIn(t, parent); !equal(was, is) {
					t.Errorf("the folder has become %q", is)
				}
				if _, err := os.Stat(filepath.Dir(dir)); (err == nil) != before {
					t.Errorf("the folders above it: %v", err)
				}
			})
		}
	}
}

func TestLayoutRefuses(t *testing.T) {
	t.Parallel()
	img := small(t)
	for name, tt := range map[string]struct{ file, content, want string }{
		"files of others":  {"main.go", "package main", `"main.go"`},
		"another version":  {"oci-layout", `{"imageLayoutVersion":"9"}`, `"9"`},
		"broken mark":      {"oci-layout", `{`, "oci-layout"},
		"broken index":     {"index.json", `[`, "not an OCI layout"},
		"a file as folder": {"blobs", `x`, `"blobs"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.content), 0o644); err != nil {
				t.Fatal(err)
			}
			wantError(t, deliver.Layout{Dir: dir, Images: []*image.Image{img}}.Write(context.Background()), tt.want, "fix: ")
			wantOnly(t, dir, tt.file, tt.content)
		})
	}
	dir := t.TempDir()
	writeLayout(t, dir, "", img)
	for _, text := range []string{"null", "[]", `{"manifests":3}`, `{"manifests":[3]}`} {
		if err := os.WriteFile(filepath.Join(dir, "index.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		wantError(t, deliver.Layout{Dir: dir, Images: []*image.Image{img}}.Write(context.Background()), "index.json", "fix: ")
	}
	wantError(t, deliver.Layout{Dir: t.TempDir()}.Write(context.Background()), "no image")
	wantError(t, deliver.Layout{Dir: t.TempDir(), Images: []*image.Image{img}, Refs: []string{"A"}}.Write(context.Background()), `"A"`, "fix: ")
	wantError(t, deliver.Layout{Images: []*image.Image{img}}.Write(context.Background()), `writing the layout ""`)
}

// After several parallel runs in one folder, it has all images.
func TestLayoutOfConcurrentRuns(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "layout")
	shared := layer(t, "shared", text("shared", "1"))
	var wait sync.WaitGroup
	var all []digest.Digest
	errs := make([]error, 8)
	for i := range errs {
		name := string(rune('a' + i))
		img := imageOn(t, "amd64", shared, layer(t, "program", text("app", name)))
		all = append(all, blobsOf(img)...)
		wait.Add(1)
		go func() {
			defer wait.Done()
			errs[i] = deliver.Layout{Dir: dir, Images: []*image.Image{img}, Refs: []string{name}}.Write(context.Background())
		}()
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	wantBlobs(t, dir, all...)
	var names []string
	for _, m := range indexOf(t, dir).Manifests {
		names = append(names, m.Annotations["org.opencontainers.image.ref.name"])
	}
	// The order does not depend on which run was first.
	if got := strings.Join(names, " "); got != "a:latest b:latest c:latest d:latest e:latest f:latest g:latest h:latest" {
		t.Errorf("the images are named %s", got)
	}
}

// Other tools find every image, by name and by platform.
func TestLayoutReaders(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "skopeo")
	testkit.Need(t, "umoci")
	testkit.Need(t, "podman")
	dir := filepath.Join(shortDir(t), "layout") // podman refuses capital letters
	l := layer(t, "shared", text("shared", "1"))
	amd, arm := imageOn(t, "amd64", l, layer(t, "p", text("app", "amd"))), imageOn(t, "arm64", l, layer(t, "p", text("app", "arm")))
	writeLayout(t, dir, "hello:1", small(t))
	writeLayout(t, dir, "registry.invalid/acme/many:2", arm, amd)
	for arch, img := range map[string]*image.Image{"amd64": amd, "arm64": arm} {
		got := run(t, "skopeo", "--override-arch", arch, "inspect", "--config", "--raw", "oci:"+dir+":registry.invalid/acme/many:2")
		if strings.TrimSpace(got) != string(img.RawConfig) {
			t.Errorf("for %s skopeo reads %s, want %s", arch, got, img.RawConfig)
		}
	}
	copied := filepath.Join(t.TempDir(), "copy")
	run(t, "skopeo", "copy", "--all", "--preserve-digests", "--insecure-policy", "oci:"+dir+":registry.invalid/acme/many:2", "oci:"+copied+":many")
	if got, want := indexOf(t, copied).Manifests[0].Digest, indexOf(t, dir).Manifests[1].Digest; got != want {
		t.Errorf("a copy of the index is %s, want %s", got, want)
	}
	if tags := run(t, "umoci", "list", "--layout", dir); tags != "hello:1\nregistry.invalid/acme/many:2\n" {
		t.Errorf("umoci lists %q", tags)
	}
	rootfs := filepath.Join(t.TempDir(), "rootfs")
	run(t, "umoci", "raw", "unpack", "--rootless", "--image", dir+":hello:1", rootfs)
	if got, err := os.ReadFile(filepath.Join(rootfs, "app")); err != nil || string(got) != "an app" {
		t.Errorf("umoci unpacks %q, %v", got, err)
	}
	storage := shortDir(t)
	id := strings.TrimSpace(podman(t, storage, "pull", "--quiet", "oci:"+dir+":hello:1"))
	if id != small(t).ConfigDigest.Encoded() {
		t.Errorf("podman pulls %s, want %s", id, small(t).ConfigDigest)
	}
	// umoci's garbage collection removes nothing of fromscratch.
	before := filesIn(t, dir)
	run(t, "umoci", "gc", "--layout", dir)
	if after := filesIn(t, dir); len(after) != len(before) {
		t.Errorf("umoci finds garbage: %d files of %d are left", len(after), len(before))
	}
}

package image_test

import (
	"encoding/json"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// on returns an image for a platform.
func on(t *testing.T, arch, variant string, layers ...*image.Layer) *image.Image {
	t.Helper()
	img, err := image.New(image.Config{Platform: image.Platform{Architecture: arch, Variant: variant}}, layers)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestIndexDependsOnTheImagesAlone(t *testing.T) {
	t.Parallel()
	l := layer(t, text("a", "1"))
	amd, arm6, arm7 := on(t, "amd64", "", l), on(t, "arm", "v6", l), on(t, "arm", "v7", l)
	first, err := image.NewIndex([]*image.Image{arm7, amd, arm6})
	if err != nil {
		t.Fatal(err)
	}
	second, err := image.NewIndex([]*image.Image{amd, arm6, arm7})
	if err != nil {
		t.Fatal(err)
	}
	if string(first.Raw) != string(second.Raw) || first.Digest != digest.FromBytes(second.Raw) {
		t.Errorf("the order of the arguments changes the index:\n%s\n%s", first.Raw, second.Raw)
	}
	var got ocispec.Index
	if err := json.Unmarshal(first.Raw, &got); err != nil {
		t.Fatal(err)
	}
	if got.SchemaVersion != 2 || got.MediaType != ocispec.MediaTypeImageIndex || len(got.Manifests) != 3 {
		t.Fatalf("the index is %s", first.Raw)
	}
	for i, img := range []*image.Image{amd, arm6, arm7} {
		d, p := got.Manifests[i], img.Config().Platform
		if d.Digest != img.ManifestDigest || d.Size != int64(len(img.RawManifest)) || d.MediaType != ocispec.MediaTypeImageManifest ||
			d.Platform.OS != "linux" || d.Platform.Architecture != p.Architecture || d.Platform.Variant != p.Variant {
			t.Errorf("entry %d is %+v of %+v, want %s", i, d, d.Platform, p)
		}
	}
}

func TestIndexRefuses(t *testing.T) {
	t.Parallel()
	l := layer(t, text("a", "1"))
	_, err := image.NewIndex(nil)
	wantError(t, err, "an image is missing")
	_, err = image.NewIndex([]*image.Image{on(t, "amd64", "", l), on(t, "arm64", "", l), on(t, "amd64", "", layer(t, text("b", "")))})
	wantError(t, err, "two images are for linux/amd64", "fix: ")
}

func TestBlobsInTheManifest(t *testing.T) {
	t.Parallel()
	base, own := layer(t, text("a", "1")), layer(t, text("b", "2"))
	plain := on(t, "amd64", "", base, own)
	base.Blob = &image.Blob{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromString("base"), Size: 4}
	mixed, err := plain.WithOrigins()
	if err != nil {
		t.Fatal(err)
	}
	if mixed.ConfigDigest != plain.ConfigDigest || mixed.ManifestDigest == plain.ManifestDigest {
		t.Errorf("the configuration is %s and the manifest %s, want the configuration %s and another manifest",
			mixed.ConfigDigest, mixed.ManifestDigest, plain.ConfigDigest)
	}
	var got ocispec.Manifest
	if err := json.Unmarshal(mixed.RawManifest, &got); err != nil {
		t.Fatal(err)
	}
	want := []ocispec.Descriptor{
		{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromString("base"), Size: 4},
		{MediaType: ocispec.MediaTypeImageLayer, Digest: own.DiffID, Size: own.Size},
	}
	for i, d := range got.Layers {
		if d.Digest != want[i].Digest || d.MediaType != want[i].MediaType || d.Size != want[i].Size {
			t.Errorf("layer %d is %+v, want %+v", i, d, want[i])
		}
	}
	if again := on(t, "amd64", "", base, own); string(again.RawManifest) != string(plain.RawManifest) {
		t.Error("the manifest for an engine depends on where the layer comes from")
	}
	_, err = plain.WithBlobs(nil)
	wantError(t, err, "0 blobs", "2 layers")
	_, err = plain.WithBlobs(make([]image.Blob, 2))
	wantError(t, err, "no media type")
}

package image_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// full returns a configuration with every field set, none of them in the form in which it is kept.
func full() image.Config {
	return image.Config{
		Platform:   image.Platform{OS: "linux", Architecture: "arm", Variant: "v7"},
		Entrypoint: []string{"/server", "-v"},
		Cmd:        []string{"-listen", ":8080"},
		Env:        []string{"PATH2=/sbin", "PATH=/bin", "HOME=/data", "PATH_INFO=<a> & b", "EMPTY="},
		User:       "65534:65534",
		Workdir:    "/data/",
		Ports:      []string{"8080", "53/UDP", "8080/tcp", "9000/sctp"},
		Volumes:    []string{"/var//lib", "/data", "/data/"},
		Labels:     map[string]string{"org.opencontainers.image.title": "server", "a": "1"},
		Healthcheck: &image.Healthcheck{
			Test: []string{"/server", "-health"}, Interval: time.Minute, Timeout: 3 * time.Second,
			StartPeriod: time.Second, StartInterval: time.Millisecond, Retries: 2,
		},
		StopSignal: "int",
		Created:    time.Date(2001, 2, 3, 4, 5, 6, 7, time.FixedZone("", 7200)),
	}
}

// The golden files show the configuration as a person would read it. Its bytes determine the image's ID, so the test
// also checks the digest.
func TestConfigGolden(t *testing.T) {
	t.Parallel()
	system, program := layer(t, dir("data"), text("etc/passwd", "x")), layer(t, text("server", "y"))
	for _, tt := range []struct {
		name   string
		config image.Config
		digest digest.Digest
	}{
		{"minimal", image.Config{Platform: image.Platform{Architecture: "amd64"}},
			"sha256:59fb3a19484945f4355c51cd62687c8f90d3500a5fc930be9499356db562a14c"},
		{"full", full(),
			"sha256:146750123142883b5db7072b5cab04895258113b0b6b1bd3bfc871dd495615d3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			img, err := image.New(tt.config, []*image.Layer{system, program})
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := json.Indent(&got, img.RawConfig, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			golden := filepath.Join("testdata", tt.name+".golden.json")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("the configuration is\n%swant\n%s", got.Bytes(), want)
			}
			if img.ConfigDigest != tt.digest {
				t.Errorf("its digest is %s, want %s", img.ConfigDigest, tt.digest)
			}
		})
	}
}

func TestConfigIsKeptInOneForm(t *testing.T) {
	t.Parallel()
	given := full()
	img, err := image.New(given, []*image.Layer{layer(t, text("a", ""))})
	if err != nil {
		t.Fatal(err)
	}
	want := full()
	want.Env = []string{"EMPTY=", "HOME=/data", "PATH=/bin", "PATH2=/sbin", "PATH_INFO=<a> & b"}
	want.Workdir = "/data"
	want.Ports = []string{"53/udp", "8080/tcp", "9000/sctp"}
	want.Volumes = []string{"/data", "/var/lib"}
	want.StopSignal = "SIGINT"
	want.Created = time.Date(2001, 2, 3, 2, 5, 6, 0, time.UTC)
	if got := img.Config(); !reflect.DeepEqual(got, want) {
		t.Errorf("kept\n%+v, want\n%+v", got, want)
	}
	if !reflect.DeepEqual(given, full()) {
		t.Errorf("the caller's configuration has become\n%+v", given)
	}
	given.Labels["a"], given.Healthcheck.Test[0], given.Entrypoint[0] = "2", "/other", "/other"
	if got := img.Config(); !reflect.DeepEqual(got, want) {
		t.Errorf("what the caller changed reached the image: %+v", got)
	}
}

// The documents are decoded with the specification's own types: every descriptor must match what it describes.
func TestManifestDescribesTheImage(t *testing.T) {
	t.Parallel()
	layers := []*image.Layer{layer(t, text("a", "1")), layer(t, text("b", "22"))}
	img, err := image.New(full(), layers)
	if err != nil {
		t.Fatal(err)
	}
	if got := digest.FromBytes(img.RawManifest); got != img.ManifestDigest {
		t.Errorf("the manifest's digest is %s, not %s", got, img.ManifestDigest)
	}
	var manifest ocispec.Manifest
	decodeStrictly(t, img.RawManifest, &manifest)
	config := ocispec.Descriptor{
		MediaType: "application/vnd.oci.image.config.v1+json", Digest: digest.FromBytes(img.RawConfig), Size: int64(len(img.RawConfig)),
	}
	if manifest.SchemaVersion != 2 || manifest.MediaType != "application/vnd.oci.image.manifest.v1+json" || !reflect.DeepEqual(manifest.Config, config) {
		t.Errorf("got the manifest %+v, want one with the configuration %+v", manifest, config)
	}
	var doc ocispec.Image
	if err := json.Unmarshal(img.RawConfig, &doc); err != nil {
		t.Fatal(err)
	}
	if len(manifest.Layers) != 2 || len(doc.RootFS.DiffIDs) != 2 || len(doc.History) != 2 || doc.RootFS.Type != "layers" {
		t.Fatalf("got %d layers, root file system %+v, history %+v", len(manifest.Layers), doc.RootFS, doc.History)
	}
	for i, l := range layers {
		raw := written(t, l)
		want := ocispec.Descriptor{MediaType: "application/vnd.oci.image.layer.v1.tar", Digest: digest.FromBytes(raw), Size: int64(len(raw))}
		if !reflect.DeepEqual(manifest.Layers[i], want) || doc.RootFS.DiffIDs[i] != want.Digest {
			t.Errorf("layer %d is %+v with diff ID %s, want %+v", i, manifest.Layers[i], doc.RootFS.DiffIDs[i], want)
		}
		if h := doc.History[i]; h.EmptyLayer || h.CreatedBy != "test" || h.Comment != "fromscratch" || h.Created == nil {
			t.Errorf("layer %d has the history %+v", i, h)
		}
	}
}

// decodeStrictly rejects fields that the specification does not have.
func decodeStrictly(t *testing.T, raw []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("decoding %s: %v", raw, err)
	}
}

func TestNewNeedsLayers(t *testing.T) {
	t.Parallel()
	for _, layers := range [][]*image.Layer{nil, {nil}} {
		_, err := image.New(full(), layers)
		wantError(t, err, "a layer is missing")
	}
}

package deliver_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// podman runs podman with its own storage, which is removed at the end.
func podman(t *testing.T, dir string, args ...string) string {
	t.Helper()
	return run(t, "podman", append([]string{"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "runroot"),
		"--tmpdir", filepath.Join(dir, "tmp"), "--storage-driver", "vfs"}, args...)...)
}

// shortDir returns a temporary folder with a short path: podman allows at most 50 characters for its run root.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "fromscratch-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestPodmanLoads(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "podman")
	img := small(t)
	for _, tt := range []struct {
		name string
		refs []string
		want []string
	}{
		{"one reference", []string{"hello"}, []string{"docker.io/library/hello:latest"}},
		{"two references", []string{"hello:1", "registry.invalid/acme/hello"}, []string{"docker.io/library/hello:1", "registry.invalid/acme/hello:latest"}},
		{"no reference", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := shortDir(t)
			podman(t, dir, "load", "--input", writtenFile(t, deliver.Archive{Image: img, Refs: tt.refs}))
			var got []struct {
				ID       string `json:"Id"`
				RepoTags []string
				Config   struct{ Entrypoint []string }
			}
			raw := podman(t, dir, "image", "inspect", img.ConfigDigest.Encoded())
			if err := json.Unmarshal([]byte(raw), &got); err != nil {
				t.Fatal(err)
			}
			slices.Sort(got[0].RepoTags)
			if len(got) != 1 || got[0].ID != img.ConfigDigest.Encoded() || !slices.Equal(got[0].RepoTags, tt.want) ||
				!slices.Equal(got[0].Config.Entrypoint, []string{"/app"}) {
				t.Errorf("podman knows %+v, want the ID %s and the names %q", got, img.ConfigDigest, tt.want)
			}
		})
	}
}

// skopeo reads the archive in both of its formats.
func TestSkopeoReads(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "skopeo")
	img := hello(t, "skopeo", "skopeo")
	one := writtenFile(t, deliver.Archive{Image: img, Refs: []string{"hello:1"}})
	two := writtenFile(t, deliver.Archive{Image: img, Refs: []string{"hello:1", "registry.invalid/acme/hello:2"}})
	none := writtenFile(t, deliver.Archive{Image: img})
	layers := []string{string(img.Layers[0].DiffID), string(img.Layers[1].DiffID)}
	for _, source := range []string{
		"docker-archive:" + one, "oci-archive:" + one, "docker-archive:" + one + ":hello:1", "oci-archive:" + one + ":1",
		"docker-archive:" + two + ":registry.invalid/acme/hello:2", "docker-archive:" + two + ":docker.io/library/hello:1",
		"oci-archive:" + two + ":2", "oci-archive:" + two + ":1", "docker-archive:" + none, "oci-archive:" + none,
	} {
		var got struct {
			Digest string
			Layers []string
			Env    []string
		}
		if err := json.Unmarshal([]byte(run(t, "skopeo", "inspect", source)), &got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Layers, layers) || !slices.Equal(got.Env, []string{"GREETING=skopeo"}) {
			t.Errorf("%s: got %+v, want the layers %q", source, got, layers)
		}
		if strings.HasPrefix(source, "oci-archive:") && got.Digest != string(img.ManifestDigest) {
			t.Errorf("%s: the manifest is %s, want %s", source, got.Digest, img.ManifestDigest)
		}
		config := run(t, "skopeo", "inspect", "--config", "--raw", source)
		if strings.TrimSpace(config) != string(img.RawConfig) {
			t.Errorf("%s: the configuration is\n%s, want\n%s", source, config, img.RawConfig)
		}
	}
}

// skopeo copies the archive, checks every digest, and keeps them all.
func TestSkopeoCopies(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "skopeo")
	img := newImage(t, image.Config{}, layer(t, "same", text("a", "1")), layer(t, "other", text("b", "2")), layer(t, "same", text("a", "1")))
	archive := writtenFile(t, deliver.Archive{Image: img, Refs: []string{"hello:1"}})
	for _, source := range []string{"oci-archive:" + archive, "docker-archive:" + archive} {
		dir := filepath.Join(t.TempDir(), "copy")
		run(t, "skopeo", "copy", "--insecure-policy", source, "dir:"+dir)
		manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(source, "oci-") && string(manifest) != string(img.RawManifest) {
			t.Errorf("%s: the manifest has become %s", source, manifest)
		}
		config, err := os.ReadFile(filepath.Join(dir, img.ConfigDigest.Encoded()))
		if err != nil || string(config) != string(img.RawConfig) {
			t.Errorf("%s: the configuration has become %s, error %v", source, config, err)
		}
	}
}

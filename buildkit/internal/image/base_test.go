package image_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// baseConfig is a configuration as other builders write it.
const baseConfig = `{
  "architecture": "arm64", "variant": "v8", "os": "linux", "os.version": "1.2", "created": "2024-05-06T07:08:09Z",
  "config": {
    "User": "web", "Env": ["PATH=/bin", "A=base", "B=base", "nonsense"], "Entrypoint": ["/entry"], "Cmd": ["cmd"], "WorkingDir": "/srv",
    "ExposedPorts": {"9000/tcp": {}, "80/tcp": {}}, "Volumes": {"/var/lib": {}}, "Labels": {"a": "base", "b": "base"},
    "StopSignal": "SIGQUIT", "Healthcheck": {"Test": ["CMD-SHELL", "curl localhost"], "Retries": 2}, "OnBuild": ["RUN x"]
  },
  "history": [
    {"created": "2024-05-06T07:08:08Z", "created_by": "ADD rootfs"},
    {"created": "2024-05-06T07:08:09Z", "created_by": "CMD", "empty_layer": true}
  ],
  "rootfs": {"type": "layers", "diff_ids": ["DIFF"]}
}`

// onBase returns the configuration of an image on the base.
func onBase(t *testing.T, cfg image.Config) map[string]any {
	t.Helper()
	content := []byte("the tar of a layer")
	path := filepath.Join(t.TempDir(), "layer")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	id := digest.FromBytes(content)
	base, err := image.ParseBase([]byte(strings.Replace(baseConfig, "DIFF", id.String(), 1)),
		[]*image.Layer{image.StoredLayer(image.Stored{Path: path, DiffID: id, Size: int64(len(content))})})
	if err != nil {
		t.Fatal(err)
	}
	img, err := image.NewOn(base, base.Inherit(cfg), []*image.Layer{layer(t, text("a", ""))})
	if err != nil {
		t.Fatal(err)
	}
	if len(img.Layers) != 2 || img.Layers[0].DiffID != id {
		t.Errorf("the image has the layers %v", img.Layers)
	}
	var doc map[string]any
	if err := json.Unmarshal(img.RawConfig, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNewOnInherits(t *testing.T) {
	t.Parallel()
	doc := onBase(t, image.Config{
		Platform: image.Platform{Architecture: "arm64"}, Entrypoint: []string{"/app"}, User: "65534", Workdir: "/data",
		Env: []string{"B=ours", "C=ours"}, Labels: map[string]string{"b": "ours"}, Ports: []string{"80"}, Volumes: []string{"/data"},
	})
	if got, want := encoded(t, doc["config"]), `{"Entrypoint":["/app"],"Env":["A=base","B=ours","C=ours","PATH=/bin"],`+
		`"ExposedPorts":{"80/tcp":{},"9000/tcp":{}},"Healthcheck":{"Retries":2,"Test":["CMD-SHELL","curl localhost"]},`+
		`"Labels":{"a":"base","b":"ours"},"StopSignal":"SIGQUIT","User":"65534","Volumes":{"/data":{},"/var/lib":{}},"WorkingDir":"/data"}`; got != want {
		t.Errorf("the configuration is\n%s\nwant\n%s", got, want)
	}
	if doc["variant"] != "v8" || doc["os.version"] != "1.2" || doc["created"] != "1970-01-01T00:00:00Z" {
		t.Errorf("the variant, os.version and time of creation are %v, %v, %v", doc["variant"], doc["os.version"], doc["created"])
	}
	history := encoded(t, doc["history"])
	if first, last := strings.Index(history, "ADD rootfs"), strings.Index(history, image.DefaultComment); first < 0 || last < first || strings.Count(history, "created_by") < 2 {
		t.Errorf("the history is %s", history)
	}
}

func TestNewOnOverrides(t *testing.T) {
	t.Parallel()
	doc := onBase(t, image.Config{
		Platform: image.Platform{Architecture: "arm64", Variant: "v8"}, StopSignal: "INT", Healthcheck: &image.Healthcheck{Test: []string{"/app", "-health"}},
	})
	config := encoded(t, doc["config"])
	for _, want := range []string{`"StopSignal":"SIGINT"`, `"Test":["CMD","/app","-health"]`, `"Entrypoint":["/entry"]`, `"Cmd":["cmd"]`} {
		if !strings.Contains(config, want) {
			t.Errorf("the configuration is %s, which lacks %s", config, want)
		}
	}
}

// An arm program without a variant is for v7. On a base for v6, the image is not for v6.
func TestNewOnInheritsTheVariant(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ base, own, want string }{
		{"v7", "", "v7"}, {"v6", "", ""}, {"", "", ""}, {"v8", "", "v8"}, {"v6", "v7", "v7"}, {"v6", "v6", "v6"},
	} {
		text := strings.NewReplacer(`"arm64"`, `"arm"`, `"v8"`, `"`+tt.base+`"`, "DIFF", digest.FromString("").String()).Replace(baseConfig)
		base, err := image.ParseBase([]byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		c := base.Inherit(image.Config{Platform: image.Platform{OS: "linux", Architecture: "arm", Variant: tt.own}})
		if c.Platform.Variant != tt.want {
			t.Errorf("%q on a base for %q is for %q, want %q", tt.own, tt.base, c.Platform.Variant, tt.want)
		}
	}
}

func TestParseBaseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{}", `{"rootfs":{"diff_ids":[]}}`, `{"rootfs":{"diff_ids":["sha256:../../x"]}}`} {
		if _, err := image.ParseBase([]byte(text), nil); err == nil {
			t.Errorf("%q is accepted as a configuration", text)
		}
	}
}

// A stored layer is written unchanged, and a file that has changed is detected.
func TestStoredLayer(t *testing.T) {
	t.Parallel()
	content := []byte(strings.Repeat("bytes", 100_000))
	path := filepath.Join(t.TempDir(), "layer")
	l := image.StoredLayer(image.Stored{Path: path, DiffID: digest.FromBytes(content), Size: int64(len(content)), CreatedBy: "base"})
	for name, tt := range map[string]struct {
		content []byte
		want    string // part of the error, or ""
	}{
		"as it was": {content, ""}, "changed": {bytes.Replace(content, []byte("b"), []byte("B"), 1), "fix: remove the file"},
		"shorter": {content[1:], "fix: remove the file"}, "longer": {slices.Concat(content, []byte("x")), "fix: remove the file"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, tt.content, 0o644); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			err := l.WriteTo(context.Background(), &out)
			if tt.want != "" {
				wantError(t, err, tt.want)
			} else if err != nil || !bytes.Equal(out.Bytes(), content) {
				t.Errorf("%d bytes were written, error %v", out.Len(), err)
			}
		})
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	wantError(t, l.WriteTo(context.Background(), io.Discard), "fix: run again")
}

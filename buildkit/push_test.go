package buildkit_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
)

// smallModule is a module with one program.
func smallModule(t *testing.T) string {
	t.Helper()
	return txtar(t, `
-- go.mod --
module example.com/hello

go 1.23
-- main.go --
package main

func main() { println("hello") }
`)
}

// Two platforms of one name are one index, wherever they go.
func TestHeavySeveralPlatformsAreOneImage(t *testing.T) {
	t.Parallel()
	need(t, "skopeo")
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	config := func(platform string) buildkit.Config {
		return buildkit.Config{Repo: host + "/acme/hello", Tags: config.Tags{"1", "stable", "1"}, Push: config.Push{Compression: "zstd"}, Platforms: []string{platform}}
	}
	amd, arm := mustBuild(t, smallModule(t), config("linux/amd64")), mustBuild(t, smallModule(t), config("linux/arm64"))
	built := []*buildkit.Result{arm, amd}
	ctx := context.Background()

	pushed, err := buildkit.PushAll(ctx, built, buildkit.PushOptions{Cache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if len(pushed) != 1 || pushed[0].Name != "hello" || !strings.HasPrefix(pushed[0].Reference, host+"/acme/hello:1@sha256:") {
		t.Errorf("pushed is %+v", pushed)
	}
	layouts, err := buildkit.LayoutAll(ctx, built, filepath.Join(t.TempDir(), "shared"))
	if err != nil {
		t.Fatal(err)
	}
	archives, err := buildkit.ArchiveAll(ctx, built, amd.Plan.Platform)
	if err != nil {
		t.Fatal(err)
	}
	if len(layouts) != 1 || !slices.Equal(archives, []string{filepath.Join(arm.Plan.Root, "dist/hello/image.tar")}) {
		t.Errorf("written are %q and %q", layouts, archives)
	}
	for _, source := range []string{
		"docker://" + host + "/acme/hello:1", "docker://" + host + "/acme/hello:stable",
		"oci:" + layouts[0] + ":" + host + "/acme/hello:1", "oci:" + layouts[0] + ":" + host + "/acme/hello:stable",
		"oci-archive:" + archives[0] + ":stable",
	} {
		for _, b := range built {
			out := output(t, "", "skopeo", "--override-arch", b.Plan.Platform.Architecture, "inspect", "--config", "--raw", "--tls-verify=false", source)
			if strings.TrimSpace(out) != string(b.Image.RawConfig) {
				t.Errorf("%s has for %s %s, want %s", source, b.Plan.Platform, out, b.Image.RawConfig)
			}
		}
	}
	// What an engine takes that cannot choose.
	if out := output(t, "", "skopeo", "inspect", "--config", "--raw", "docker-archive:"+archives[0]); strings.TrimSpace(out) != string(amd.Image.RawConfig) {
		t.Errorf("manifest.json leads to %s", out)
	}
	var index ocispec.Index
	if err := json.Unmarshal([]byte(output(t, "", "skopeo", "inspect", "--raw", "--tls-verify=false", "docker://"+host+"/acme/hello:1")), &index); err != nil {
		t.Fatal(err)
	}
	// Who asks by the tag hears where both come from.
	_, root, _ := strings.Cut(pushed[0].Reference, "@sha256:")
	about := aboutIt(t, host+"/acme/hello", "sha256-"+root, root, "application/vnd.in-toto+json")
	var of []string
	for _, r := range about.Manifests {
		of = append(of, r.Annotations["io.github.fromscratch-go.platform"])
	}
	if slices.Sort(of); !slices.Equal(of, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("the documents about the index are of %q", of)
	}
	for _, m := range index.Manifests {
		tag := strings.Replace(m.Digest.String(), ":", "-", 1)
		aboutIt(t, host+"/acme/hello", tag, m.Digest.Encoded(), "application/spdx+json", "application/vnd.cyclonedx+json", "application/vnd.in-toto+json")
		raw := output(t, "", "skopeo", "inspect", "--raw", "--tls-verify=false", "docker://"+host+"/acme/hello@"+m.Digest.String())
		if !strings.Contains(raw, ocispec.MediaTypeImageLayerZstd) {
			t.Errorf("the layers are not as configured: %s", raw)
		}
	}
}

// What cannot be pushed is told by whose fault it is.
func TestPushErrors(t *testing.T) {
	t.Parallel()
	built := mustBuild(t, smallModule(t), buildkit.Config{Origin: "magefile.go:7"})
	_, err := buildkit.PushAll(context.Background(), []*buildkit.Result{built}, buildkit.PushOptions{Cache: t.TempDir()})
	var config *buildkit.ConfigError
	if !errors.As(err, &config) || !strings.Contains(err.Error(), "magefile.go:7") || !strings.Contains(err.Error(), "\nfix: set Repo") {
		t.Errorf("error %v, want one of the Config", err)
	}
	elsewhere := mustBuild(t, smallModule(t), buildkit.Config{Repo: "127.0.0.1:1/acme/hello"})
	_, err = buildkit.PushAll(context.Background(), []*buildkit.Result{elsewhere}, buildkit.PushOptions{Cache: t.TempDir()})
	var registry *buildkit.RegistryError
	if !errors.As(err, &registry) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("error %v, want the registry's", err)
	}
}

func TestResolveDelivery(t *testing.T) {
	t.Parallel()
	dir := smallModule(t)
	for name, tt := range map[string]struct {
		config buildkit.Config
		want   [][3]string // name, value, origin
		err    string
	}{
		"default":    {buildkit.Config{}, [][3]string{{"compression", "gzip, of what is pushed", "default"}}, ""},
		"configured": {buildkit.Config{Push: config.Push{Compression: "zstd"}, Tags: config.Tags{"latest", "1", "latest"}, Origin: "magefile.go:7"}, [][3]string{{"also named", "hello:1", "magefile.go:7"}, {"compression", "zstd, of what is pushed", "magefile.go:7"}}, ""},
		"no tag":     {buildkit.Config{Tags: config.Tags{"latest", "a b"}, Origin: "magefile.go:7"}, nil, `reading Tags (magefile.go:7): reading the tag "a b"`},
		"xz":         {buildkit.Config{Push: config.Push{Compression: "xz"}}, nil, `"xz"`},
	} {
		t.Run(name, func(t *testing.T) {
			plans, err := resolve(dir, nil, tt.config)
			if tt.err != "" {
				var config *buildkit.ConfigError
				if !errors.As(err, &config) || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), "\nfix: ") {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range tt.want {
				if !slices.ContainsFunc(plans[0].Values, func(has buildkit.Value) bool { return [3]string{has.Name, has.Value, has.Origin} == v }) {
					t.Errorf("the plan has %+v, want %+v", plans[0].Values, v)
				}
			}
		})
	}
	// Of two images none takes a name from the other.
	_, err := resolve(two(t), nil, buildkit.Config{Main: "cmd/web", Repo: "r.example/x", Tags: config.Tags{"1"}},
		buildkit.Config{Main: "cmd/worker", Repo: "r.example/x", Tags: config.Tags{"2", "1"}})
	if err == nil || !strings.Contains(err.Error(), "have one reference, r.example/x:1") {
		t.Errorf("error %v, want the name that both have", err)
	}
}

func TestWriteRefs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "refs")
	for _, refs := range [][]string{{"a@sha256:1", "b@sha256:2"}, {"c@sha256:3"}} {
		var pushed []buildkit.Pushed
		for _, r := range refs {
			pushed = append(pushed, buildkit.Pushed{Reference: r})
		}
		if err := buildkit.WriteRefs(path, pushed); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != strings.Join(refs, "\n")+"\n" {
			t.Errorf("the file has %q, %v", got, err)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	var config *buildkit.ConfigError
	if err := buildkit.WriteRefs("/nowhere/refs", nil); !errors.As(err, &config) {
		t.Errorf("error %v, want one of the Config", err)
	}
}

// aboutIt checks that documents about an image, of these types, are its referrers, by the tag of the specification, and
// name its manifest.
func aboutIt(t *testing.T, repository, tag, digest string, want ...string) ocispec.Index {
	t.Helper()
	inspect := func(name string, into any) {
		out := output(t, "", "skopeo", "inspect", "--raw", "--tls-verify=false", "docker://"+repository+name)
		if err := json.Unmarshal([]byte(out), into); err != nil {
			t.Fatal(err)
		}
	}
	var referrers ocispec.Index
	inspect(":"+tag, &referrers)
	types := map[string]bool{}
	for _, r := range referrers.Manifests {
		types[r.ArtifactType] = true
		var manifest ocispec.Manifest
		inspect("@"+r.Digest.String(), &manifest)
		host, path, _ := strings.Cut(repository, "/")
		answer, err := http.Get("http://" + host + "/v2/" + path + "/blobs/" + manifest.Layers[0].Digest.String())
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(content), digest) {
			t.Errorf("the %s of %s does not name its manifest", r.ArtifactType, tag)
		}
	}
	for _, want := range want {
		if !types[want] {
			t.Errorf("about %s there are %v, and no %s", tag, types, want)
		}
	}
	return referrers
}

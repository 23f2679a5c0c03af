package registry_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
)

// quiet discards the log of servers whose connections the tests cut.
var quiet = log.New(io.Discard, "", 0)

// skopeo, which checks every digest, can pull what was pushed.
func TestPushIsPulled(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "skopeo")
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	img := hello(t, 1)
	r := request(t, host, img)
	r.Tags = []string{"1", "latest"}
	pushed := push(t, r)
	if want := host + "/acme/hello:1@" + string(pushed.Digest); pushed.Reference != want {
		t.Errorf("the reference is %q, want %q", pushed.Reference, want)
	}
	if pushed.Sent == 0 || pushed.Sent != pushed.Total {
		t.Errorf("%d of %d bytes were sent", pushed.Sent, pushed.Total)
	}
	for _, tag := range r.Tags {
		var got struct{ Digest string }
		if err := json.Unmarshal([]byte(run(t, "skopeo", "inspect", "--tls-verify=false", "docker://"+host+"/acme/hello:"+tag)), &got); err != nil {
			t.Fatal(err)
		}
		if got.Digest != string(pushed.Digest) {
			t.Errorf("the tag %s is %s, want %s", tag, got.Digest, pushed.Digest)
		}
	}
	archive := filepath.Join(t.TempDir(), "image.tar")
	run(t, "skopeo", "copy", "--insecure-policy", "--src-tls-verify=false", "docker://"+host+"/acme/hello@"+string(pushed.Digest), "docker-archive:"+archive)
	config := run(t, "skopeo", "inspect", "--config", "--raw", "docker-archive:"+archive)
	if !strings.Contains(config, string(img.Layers[0].DiffID)) || !strings.Contains(config, string(img.Layers[1].DiffID)) {
		t.Errorf("the copy's configuration is %s", config)
	}
}

// A push of an image that the registry has sends no blob and no manifest.
func TestPushAgainSendsNothing(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	p := startProxy(t, host, nil)
	r := request(t, p.host, hello(t, 1))
	first := push(t, r)
	if n := p.count("PUT", "/blobs/uploads/"); n != 3 {
		t.Errorf("%d blobs were sent, want two layers and a configuration", n)
	}
	p.forget()
	second := push(t, r)
	if second.Digest != first.Digest || second.Sent != 0 {
		t.Errorf("the second push is %+v, the first was %+v", second, first)
	}
	if n := p.count("PUT", "") + p.count("POST", "") + p.count("PATCH", ""); n != 0 {
		t.Errorf("%d requests write: %q", n, p.requests)
	}
	// With another cache the layers are compressed again, but nothing is sent.
	p.forget()
	r.Cache = t.TempDir()
	if third := push(t, r); third.Digest != first.Digest || third.Sent != 0 || p.count("PUT", "") != 0 {
		t.Errorf("from another cache the push is %+v: %q", third, p.requests)
	}
}

// The digest is the same on every machine: the layers are made twice, with two caches.
func TestPushedManifestIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	for _, c := range []registry.Compression{registry.Gzip, registry.Zstd} {
		var digests []string
		for range 2 {
			host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
			r := request(t, host, hello(t, 7))
			r.Compression = c
			digests = append(digests, string(push(t, r).Digest))
		}
		if digests[0] != digests[1] {
			t.Errorf("%s: the digests are %q", c, digests)
		}
	}
}

func TestPushByZstd(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "skopeo")
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	r := request(t, host, hello(t, 1))
	r.Compression = registry.Zstd
	pushed := push(t, r)
	var m ocispec.Manifest
	raw := run(t, "skopeo", "inspect", "--raw", "--tls-verify=false", "docker://"+host+"/acme/hello:1")
	if err := json.Unmarshal([]byte(raw), &m); err != nil {
		t.Fatal(err)
	}
	for _, l := range m.Layers {
		if l.MediaType != ocispec.MediaTypeImageLayerZstd {
			t.Errorf("a layer is %s", l.MediaType)
		}
	}
	testkit.Need(t, "podman") // it unpacks the layers and checks their diff IDs
	dir := shortDir(t)
	id := strings.TrimSpace(run(t, "podman", "--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "runroot"),
		"--tmpdir", filepath.Join(dir, "tmp"), "--storage-driver", "vfs", "pull", "--quiet", "--tls-verify=false", pushed.Reference))
	if id != r.Images[0].ConfigDigest.Encoded() {
		t.Errorf("podman has pulled %s, want %s", id, r.Images[0].ConfigDigest)
	}
}

// A tag leads to the images of all platforms.
func TestPushIndex(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "skopeo")
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	shared := layer(t, text("shared", noise(1, 1000)))
	amd, arm := imageOn(t, "amd64", shared, layer(t, text("app", "amd"))), imageOn(t, "arm64", shared, layer(t, text("app", "arm")))
	pushed := push(t, request(t, host, arm, amd))
	if again := push(t, request(t, host, amd, arm)); again.Digest != pushed.Digest {
		t.Errorf("another order of the platforms gives %s, not %s", again.Digest, pushed.Digest)
	}
	for arch, img := range map[string]*image.Image{"amd64": amd, "arm64": arm} {
		got := run(t, "skopeo", "--override-arch", arch, "inspect", "--config", "--raw", "--tls-verify=false", "docker://"+host+"/acme/hello:1")
		if strings.TrimSpace(got) != string(img.RawConfig) {
			t.Errorf("for %s the registry has %s, want %s", arch, got, img.RawConfig)
		}
	}
}

func TestPushRefuses(t *testing.T) {
	t.Parallel()
	img := hello(t, 1)
	for name, tt := range map[string]struct {
		change func(*registry.PushRequest)
		want   []string
	}{
		"no tag":              {func(r *registry.PushRequest) { r.Tags = nil }, []string{"no tag"}},
		"no image":            {func(r *registry.PushRequest) { r.Images = nil }, []string{"no image"}},
		"unknown compression": {func(r *registry.PushRequest) { r.Compression = "xz" }, []string{`"xz"`, "fix: "}},
		"no cache":            {func(r *registry.PushRequest) { r.Cache = "" }, []string{"no folder"}},
		"a tag in the name":   {func(r *registry.PushRequest) { r.Repository += ":1" }, []string{"without a tag"}},
		"no name":             {func(r *registry.PushRequest) { r.Repository = "A/B" }, []string{`"A/B"`}},
		"no certificates":     {func(r *registry.PushRequest) { r.CAFile = "/dev/null" }, []string{"/dev/null", "fix: "}},
		"no such file":        {func(r *registry.PushRequest) { r.CAFile = "/nowhere" }, []string{"/nowhere", "fix: "}},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, "127.0.0.1:1", img)
			tt.change(&r)
			_, err := registry.Push(context.Background(), r)
			wantError(t, err, tt.want...)
		})
	}
}

package registry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
)

// A layer that was pushed to another repository of the registry is mounted from there.
func TestPushMountsWhatWasPushedElsewhere(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	for name, tt := range map[string]struct {
		meddle  func(http.ResponseWriter, *http.Request) bool
		uploads int
	}{
		"taken over": {nil, 0},
		"refused": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Get("mount") != "" {
				w.WriteHeader(http.StatusForbidden)
			}
			return r.URL.Query().Get("mount") != ""
		}, 3},
		"not known": {func(_ http.ResponseWriter, r *http.Request) bool {
			if q := r.URL.Query(); q.Get("mount") != "" {
				q.Set("from", "acme/nowhere")
				r.URL.RawQuery = q.Encode()
			}
			return false
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, host, tt.meddle)
			first := request(t, p.host, hello(t, 1))
			first.Repository = p.host + "/" + strings.ReplaceAll(name, " ", "") + "/one"
			pushed := push(t, first)
			p.forget()
			second := first
			second.Repository = p.host + "/" + strings.ReplaceAll(name, " ", "") + "/two"
			again := push(t, second)
			if again.Digest != pushed.Digest {
				t.Errorf("the digest is %s, want %s", again.Digest, pushed.Digest)
			}
			if n := p.count("PUT", "/blobs/uploads/"); n != tt.uploads {
				t.Errorf("%d blobs were sent, want %d: %q", n, tt.uploads, p.requests)
			}
		})
	}
}

// packed returns a layer as another tool compresses it.
func packed(t *testing.T, l *image.Layer) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.WriteTo(context.Background(), w), w.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// A layer of a base image is mounted from the base's repository, or sent as it is. It is not compressed again.
func TestPushKeepsTheBlobOfABase(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "skopeo")
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	p := startProxy(t, host, nil)
	base := layer(t, text("base", noise(3, 50_000)))
	content := packed(t, base)
	opened := 0
	base.Blob = &image.Blob{
		MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromBytes(content), Size: int64(len(content)),
		Open: func(context.Context) (io.ReadCloser, error) {
			opened++
			return io.NopCloser(bytes.NewReader(content)), nil
		},
	}
	own := layer(t, text("own", noise(4, 1000)))
	r := request(t, p.host, imageOn(t, "amd64", base, own))
	r.Repository = p.host + "/base/sent"
	push(t, r)
	if opened != 1 {
		t.Errorf("the blob was opened %d times", opened)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal([]byte(run(t, "skopeo", "inspect", "--raw", "--tls-verify=false", "docker://"+p.host+"/base/sent:1")), &m); err != nil {
		t.Fatal(err)
	}
	if m.Layers[0].Digest != base.Blob.Digest {
		t.Errorf("the layer is %s, want %s as it was", m.Layers[0].Digest, base.Blob.Digest)
	}

	// It is mounted from its known repository, even with an empty cache.
	base.Blob.Repository = p.host + "/base/sent"
	r.Repository, r.Cache = p.host+"/base/mounted", t.TempDir()
	p.forget()
	push(t, r)
	if opened != 1 || p.count("PUT", "/blobs/uploads/") != 2 {
		t.Errorf("the blob was opened %d times: %q", opened, p.requests)
	}

	// A layer that came uncompressed is compressed.
	own.Blob = &image.Blob{MediaType: ocispec.MediaTypeImageLayer, Digest: own.DiffID, Size: own.Size}
	r.Repository = p.host + "/base/plain"
	push(t, r)
	if err := json.Unmarshal([]byte(run(t, "skopeo", "inspect", "--raw", "--tls-verify=false", "docker://"+p.host+"/base/plain:1")), &m); err != nil {
		t.Fatal(err)
	}
	if m.Layers[1].MediaType != ocispec.MediaTypeImageLayerGzip || m.Layers[1].Digest == own.DiffID {
		t.Errorf("the layer is %+v, want it compressed", m.Layers[1])
	}

	// A layer that cannot be read is an error of this machine.
	base.Blob.Repository, r.Repository = "registry.invalid/base/sent", p.host+"/base/third"
	base.Blob.Open, r.Cache = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("the cable is cut") }, t.TempDir()
	_, err := registry.Push(context.Background(), r)
	wantError(t, err, "reading the layer: the cable is cut")
	var e *registry.Error
	if !errors.As(err, &e) || !e.Local {
		t.Errorf("error %v is not this machine's", err)
	}
}

// Documents are listed under the image that they are about, with and without the registry's referrers API.
func TestPushAttaches(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	for name, referrers := range map[string]bool{"tag schema": false, "referrers API": true} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, host, func(w http.ResponseWriter, r *http.Request) bool {
				// docker-registry 2.8 has no such API, but a client only looks at this header.
				if referrers && r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
					w.Header().Set("OCI-Subject", "sha256:0")
				}
				return false
			})
			amd, arm := imageOn(t, "amd64", layer(t, text("app", "amd"))), imageOn(t, "arm64", layer(t, text("app", "arm")))
			r := request(t, p.host, amd, arm)
			r.Repository = p.host + "/attach/" + strings.ToLower(strings.ReplaceAll(name, " ", ""))
			r.Attach = []registry.Attachment{
				{ArtifactType: "application/spdx+json", Content: []byte(`{"spdxVersion":"SPDX-2.3"}`), Annotations: map[string]string{"b": "2", "a": "1"}},
				{ArtifactType: "application/vnd.in-toto+json", MediaType: "application/json", Content: []byte(`{}`), Platform: arm.Config().Platform},
				{ArtifactType: "application/vnd.cyclonedx+json", Content: []byte(`{"x":1}`)},
			}
			pushed := push(t, r)
			push(t, r) // adds nothing
			if referrers {
				if n := p.count("PUT", "/manifests/sha256-"); n != 0 {
					t.Errorf("%d tags of the schema are set: %q", n, p.requests)
				}
				return
			}
			for subject, want := range map[digest.Digest][]string{
				pushed.Digest:   {"application/spdx+json", "application/vnd.cyclonedx+json"},
				armDigest(t, r): {"application/vnd.in-toto+json"},
			} {
				var index ocispec.Index
				get(t, "http://"+host+strings.TrimPrefix("/v2"+r.Repository[len(p.host):], "")+"/manifests/"+strings.Replace(string(subject), ":", "-", 1), &index)
				var got []string
				for _, m := range index.Manifests {
					got = append(got, m.ArtifactType)
					var doc ocispec.Manifest
					get(t, "http://"+host+"/v2"+r.Repository[len(p.host):]+"/manifests/"+string(m.Digest), &doc)
					if doc.Subject == nil || doc.Subject.Digest != subject || len(doc.Layers) != 1 {
						t.Errorf("the document %s is %+v, want one about %s", m.ArtifactType, doc, subject)
					}
				}
				if strings.Join(got, " ") != strings.Join(want, " ") {
					t.Errorf("about %s there are %q, want %q", subject, got, want)
				}
			}
		})
	}
	r := request(t, host, hello(t, 1))
	r.Attach = []registry.Attachment{{ArtifactType: "x/y", Platform: image.Platform{OS: "linux", Architecture: "riscv64"}}}
	_, err := registry.Push(context.Background(), r)
	wantError(t, err, `attaching "x/y"`, "linux/riscv64")
}

// armDigest returns the digest of a request's second image, from the index in the registry.
func armDigest(t *testing.T, r registry.PushRequest) digest.Digest {
	t.Helper()
	host, path, _ := strings.Cut(r.Repository, "/")
	var index ocispec.Index
	get(t, "http://"+host+"/v2/"+path+"/manifests/1", &index)
	return index.Manifests[1].Digest
}

// get reads a manifest.
func get(t *testing.T, url string, into any) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", ocispec.MediaTypeImageIndex+", "+ocispec.MediaTypeImageManifest)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", url, resp.Status, err)
	}
}

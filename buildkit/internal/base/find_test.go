package base_test

import (
	"archive/tar"
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/login"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/base"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

var need = testkit.Need

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

var amd64 = image.Platform{OS: "linux", Architecture: "amd64"}

// written writes an archive of an image with two layers, and returns its path. The second layer has the word.
func written(t *testing.T, word string, p image.Platform) string {
	t.Helper()
	var layers []*image.Layer
	for i, content := range []string{strings.Repeat("below\n", 10_000), word} {
		l, err := image.NewLayer(context.Background(), []image.File{{
			Header: tar.Header{Name: fmt.Sprintf("file%d", i), Size: int64(len(content)), Mode: 0o644},
			Open:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
		}}, image.LayerOptions{CreatedBy: "a test"})
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, l)
	}
	img, err := image.New(image.Config{Platform: p, Env: []string{"A=base"}}, layers)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := (deliver.Archive{Image: img, Refs: []string{"test:" + p.Architecture}}).WriteFile(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantBase fails if the base is not the written one.
func wantBase(t *testing.T, b *base.Base, err error, word string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	got, err := fs.ReadFile(b.FS, "file1")
	if err != nil || string(got) != word {
		t.Errorf("the base has %q (%v), want %q", got, err, word)
	}
	if len(b.Image.Layers) != 2 || b.Image.Document().Config.Env[0] != "A=base" {
		t.Errorf("the base has %d layers and %v", len(b.Image.Layers), b.Image.Document().Config.Env)
	}
	for _, l := range b.Image.Layers {
		if err := l.WriteTo(context.Background(), io.Discard); err != nil {
			t.Error(err)
		}
		if l.Blob == nil {
			continue
		}
		body, err := l.Blob.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(body)
		if err != nil || l.Blob.Digest.Algorithm().FromBytes(content) != l.Blob.Digest || int64(len(content)) != l.Blob.Size {
			t.Errorf("the blob %s is another one (%v)", l.Blob.Digest, err)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Find reads archives and layouts in every form that tools write.
func TestFindInFiles(t *testing.T) {
	t.Parallel()
	need(t, "skopeo", "gzip")
	dir := t.TempDir()
	archive := written(t, "one", amd64)
	output(t, "cp", archive, filepath.Join(dir, "hybrid.tar"))
	skopeo := func(args ...string) {
		output(t, "skopeo", append([]string{"copy", "-q"}, args...)...)
	}
	skopeo("docker-archive:"+archive, "docker-archive:"+dir+"/docker.tar:test:1")
	skopeo("docker-archive:"+archive, "oci-archive:"+dir+"/oci.tar:one")
	skopeo("--dest-compress-format", "gzip", "docker-archive:"+archive, "oci:"+dir+"/gzip:one")
	skopeo("--dest-compress-format", "zstd", "--dest-compress", "docker-archive:"+archive, "oci:"+dir+"/zstd:one")
	skopeo("docker-archive:"+written(t, "two", amd64), "oci:"+dir+"/gzip:two")
	output(t, "gzip", "-k", dir+"/docker.tar")
	for ref, blobs := range map[string]bool{
		"archive:hybrid.tar": false, "archive:docker.tar": false, "archive:oci.tar": true, "./docker.tar.gz": false, dir + "/oci.tar:one": true,
		"oci:gzip:one": true, "oci:zstd": true, "./zstd:one": true, "archive:docker.tar:test:1": false,
	} {
		t.Run(ref, func(t *testing.T) {
			f := base.Finder{Cache: t.TempDir()}
			b, err := f.Find(context.Background(), base.Request{Reference: ref, Dir: dir, Platform: amd64})
			wantBase(t, b, err, "one")
			if has := b.Image.Layers[0].Blob != nil; has != blobs {
				t.Errorf("the layers have compressed blobs: %v, want %v", has, blobs)
			}
			if left, err := filepath.Glob(filepath.Join(f.Cache, ".*")); err != nil || len(left) > 0 {
				t.Errorf("%q are left in the cache (%v)", left, err)
			}
		})
	}
	for ref, words := range map[string][]string{
		"oci:gzip":             {"several images", "one", "two", "fix: "},
		"oci:gzip:three":       {`"three"`, "one", "two", "fix: "},
		"archive:none.tar":     {"none.tar", "fix: "},
		"archive:hybrid.tar:x": {"x", "fix: "},
	} {
		t.Run(ref, func(t *testing.T) {
			_, err := base.Finder{Cache: t.TempDir()}.Find(context.Background(), base.Request{Reference: ref, Dir: dir, Platform: amd64})
			wantError(t, err, append(words, ref)...)
		})
	}
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q lacks %q", err, w)
		}
	}
}

// Find takes the image of the platform from an index. If there is none, the error lists the platforms.
func TestFindPlatform(t *testing.T) {
	t.Parallel()
	need(t, "skopeo", "podman")
	dir := t.TempDir()
	name := "localhost/fromscratch-test-platforms"
	t.Cleanup(func() { exec.Command("podman", "manifest", "rm", name).Run() })
	output(t, "podman", "manifest", "create", name)
	for _, p := range []image.Platform{amd64, {OS: "linux", Architecture: "arm64"}, {OS: "linux", Architecture: "arm", Variant: "v6"}} {
		args := []string{"manifest", "add", "--os", p.OS, "--arch", p.Architecture}
		if p.Variant != "" {
			args = append(args, "--variant", p.Variant)
		}
		output(t, "podman", append(args, name, "docker-archive:"+written(t, p.String(), p))...)
	}
	output(t, "podman", "manifest", "push", "-q", "--all", name, "oci:"+dir+"/all")
	for _, tt := range []struct {
		wanted image.Platform
		want   string // "" is an error
	}{
		{amd64, "linux/amd64"},
		{image.Platform{OS: "linux", Architecture: "arm64"}, "linux/arm64"},
		{image.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}, "linux/arm64"},
		{image.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}, "linux/arm/v6"}, // v7 runs programs for v6
		{image.Platform{OS: "linux", Architecture: "arm", Variant: "v5"}, ""},
		{image.Platform{OS: "linux", Architecture: "riscv64"}, ""},
	} {
		t.Run(tt.wanted.String(), func(t *testing.T) {
			b, err := base.Finder{Cache: t.TempDir()}.Find(context.Background(), base.Request{Reference: "oci:all", Dir: dir, Platform: tt.wanted})
			if tt.want != "" {
				wantBase(t, b, err, tt.want)
				return
			}
			wantError(t, err, "linux/amd64, linux/arm/v6, linux/arm64", "image is for "+tt.wanted.String(), "fix: ")
		})
	}
}

// Damaged blobs are refused, and nothing of them stays.
func TestFindRefusesDamage(t *testing.T) {
	t.Parallel()
	need(t, "skopeo")
	dir := t.TempDir()
	output(t, "skopeo", "copy", "-q", "docker-archive:"+written(t, "one", amd64), "oci:"+dir+"/good:one")
	blobs, err := filepath.Glob(filepath.Join(dir, "good/blobs/sha256/*"))
	if err != nil || len(blobs) != 4 {
		t.Fatalf("the layout has %q (%v), want four blobs", blobs, err)
	}
	for i, blob := range blobs {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			bad := filepath.Join(t.TempDir(), "bad")
			output(t, "cp", "-r", filepath.Join(dir, "good"), bad)
			name := filepath.Join(bad, "blobs/sha256", filepath.Base(blob))
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			content[len(content)/2] ^= 1
			if err := os.WriteFile(name, content, 0o644); err != nil {
				t.Fatal(err)
			}
			f := base.Finder{Cache: t.TempDir()}
			if _, err := f.Find(context.Background(), base.Request{Reference: "oci:" + bad, Platform: amd64}); err == nil {
				t.Error("a damaged blob was taken")
			}
			left, err := filepath.Glob(filepath.Join(f.Cache, "layers", ".*"))
			if err != nil || len(left) > 0 {
				t.Errorf("%q are left (%v)", left, err)
			}
		})
	}
}

// registry is Debian's registry on this machine, behind a server that records requests.
type registry struct {
	host string
	mu   sync.Mutex
	log  []string
	user string // who may pull; "" means everyone
}

// asked returns the requests since the last call.
func (r *registry) asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	log := r.log
	r.log = nil
	return log
}

func startRegistry(t *testing.T) *registry {
	t.Helper()
	need(t, "skopeo")
	address := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	r := &registry{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		wanted := r.user
		r.log = append(r.log, req.Method+" "+req.URL.Path)
		r.mu.Unlock()
		if user, _, _ := req.BasicAuth(); wanted != user {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		req.Header.Del("Authorization")
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

func (r *registry) push(t *testing.T, word, name string) {
	t.Helper()
	output(t, "skopeo", "copy", "-q", "--dest-tls-verify=false", "docker-archive:"+written(t, word, amd64), "docker://"+r.host+"/"+name)
	r.asked()
}

// A tag needs one HEAD request each time. The image is fetched once, and a known digest needs no request.
func TestFindInARegistry(t *testing.T) {
	t.Parallel()
	r := startRegistry(t)
	r.push(t, "one", "team/base:1")
	f := base.Finder{Cache: t.TempDir()}
	ctx := context.Background()
	tag := base.Request{Reference: r.host + "/team/base:1", Platform: amd64}
	b, err := f.Find(ctx, tag)
	wantBase(t, b, err, "one")
	// skopeo writes a Docker manifest from a Docker archive.
	if blob := b.Image.Layers[0].Blob; blob.Repository != r.host+"/team/base" || blob.MediaType != "application/vnd.oci.image.layer.v1.tar+gzip" {
		t.Errorf("the blobs are of the repository %q, and of the type %q", blob.Repository, blob.MediaType)
	}
	id, err := f.Identify(ctx, tag)
	if err != nil || id != b.ID {
		t.Errorf("the base is %q (%v), want %q", id, err, b.ID)
	}
	r.asked()

	again, err := f.Find(ctx, tag)
	if asked := r.asked(); !slices.Equal(asked, []string{"HEAD /v2/team/base/manifests/1"}) {
		t.Errorf("the second time asked for %q", asked)
	}
	wantBase(t, again, err, "one")
	r.asked()
	pinned := base.Request{Reference: r.host + "/team/base@" + b.Digest.String(), Platform: amd64}
	p, err := f.Find(ctx, pinned)
	if asked := r.asked(); len(asked) > 0 {
		t.Errorf("a digest asked for %q", asked)
	}
	wantBase(t, p, err, "one")

	r.push(t, "two", "team/base:1")
	if id, err := f.Identify(ctx, tag); err != nil || id == b.ID {
		t.Errorf("the base is still %q (%v) after another one was pushed", id, err)
	}
	moved, err := f.Find(ctx, tag)
	wantBase(t, moved, err, "two")
	p, err = f.Find(ctx, pinned)
	wantBase(t, p, err, "one")

	_, err = f.Find(ctx, base.Request{Reference: r.host + "/team/none:1", Platform: amd64})
	wantError(t, err, "team/none:1", r.host, "docker login", "fix: ")
}

// The credentials come from the docker command's configuration.
func TestFindInAPrivateRegistry(t *testing.T) {
	t.Parallel()
	r := startRegistry(t)
	r.push(t, "one", "base:1")
	r.mu.Lock()
	r.user = "me"
	r.mu.Unlock()
	request := base.Request{Reference: r.host + "/base:1", Platform: amd64}
	_, err := base.Finder{Cache: t.TempDir()}.Find(context.Background(), request)
	wantError(t, err, "credential", "docker login", "fix: ")

	dir := t.TempDir()
	secret := base64.StdEncoding.EncodeToString([]byte("me:s3cret"))
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"auths":{"`+r.host+`":{"auth":"`+secret+`"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := base.Finder{Cache: t.TempDir(), Credentials: login.Places{DockerConfig: dir}}.Find(context.Background(), request)
	wantBase(t, b, err, "one")
}

// A registry may have a private certificate authority, or no TLS.
func TestFindByTLS(t *testing.T) {
	t.Parallel()
	plain := startRegistry(t)
	plain.push(t, "one", "base:1")
	secure := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: plain.host}))
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	request := base.Request{Reference: strings.TrimPrefix(secure.URL, "https://") + "/base:1", Platform: amd64}
	_, err := base.Finder{Cache: t.TempDir()}.Find(context.Background(), request)
	wantError(t, err, "certificate", "fix: ", "IMAGE_REGISTRY_CA")
	b, err := base.Finder{Cache: t.TempDir(), CAFile: ca}.Find(context.Background(), request)
	wantBase(t, b, err, "one")
	_, err = base.Finder{Cache: t.TempDir(), CAFile: "none.pem"}.Find(context.Background(), request)
	wantError(t, err, "none.pem", "fix: ")

	request.Reference = plain.host + "/base:1"
	plain.asked()
	b, err = base.Finder{Cache: t.TempDir(), PlainHTTP: []string{plain.host}}.Find(context.Background(), request)
	wantBase(t, b, err, "one")
}

// The engine is not blamed for an invalid name.
func TestFindByAWrongName(t *testing.T) {
	t.Parallel()
	f := base.Finder{Cache: t.TempDir(), Engine: func(context.Context) (base.Engine, error) { return refusing{}, nil }}
	for _, name := range []string{"UPPER case", " ", "base@sha256:1234"} {
		_, err := f.Find(context.Background(), base.Request{Reference: name, Platform: amd64})
		wantError(t, err, fmt.Sprintf("%q", name), "invalid reference format", "fix: write it like")
		var remote *base.RemoteError
		if errors.As(err, &remote) {
			t.Errorf("%q is the fault of the engine: %v", name, err)
		}
	}
}

// refusing is an engine that refuses every name as malformed.
type refusing struct{ base.Engine }

func (refusing) Base(context.Context, string) (string, image.Platform, bool, error) {
	return "", image.Platform{}, false, errors.New("no such image: invalid reference format")
}

// Several runs may fetch into one cache at once, and each gets the whole base.
func TestFindAtOnce(t *testing.T) {
	t.Parallel()
	archive := written(t, "one", amd64)
	f := base.Finder{Cache: t.TempDir()}
	var wait sync.WaitGroup
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			b, err := f.Find(context.Background(), base.Request{Reference: "archive:" + archive, Platform: amd64})
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := fs.ReadFile(b.FS, "file1"); err != nil || string(got) != "one" {
				t.Errorf("the base has %q (%v)", got, err)
			}
		}()
	}
	wait.Wait()
}

// A cancelled search fails and leaves no file.
func TestFindObeysTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := base.Finder{Cache: t.TempDir()}
	if _, err := f.Find(ctx, base.Request{Reference: "archive:" + written(t, "one", amd64), Platform: amd64}); err == nil {
		t.Error("no error")
	}
	err := filepath.WalkDir(f.Cache, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

package registry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
)

func forArch(arch string) platform.Platform {
	return platform.Platform{OS: "linux", Architecture: arch}
}

// What was pushed is found, and is as large as it was going to be, by each of its tags and for each platform.
func TestFindWhatWasPushed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	amd, arm := hello(t, 1), imageOn(t, "arm64", layer(t, text("app", noise(2, 200_000))))
	r := request(t, host, amd)
	r.Tags = []string{"1", "latest"}
	if s, err := registry.Find(ctx, r, forArch("amd64")); err != nil || s != (registry.Stored{}) {
		t.Errorf("before the push there is %+v (%v)", s, err)
	}
	packed, err := registry.Packed(ctx, r, amd)
	if err != nil || packed < 300_000 || packed > 310_000 {
		t.Errorf("the layers have %d bytes (%v)", packed, err)
	}
	r.Tags = []string{"latest"}
	push(t, r)
	r.Tags = []string{"2", "latest"} // as for the next version
	s, err := registry.Find(ctx, r, forArch("amd64"))
	if err != nil || s.Tag != "latest" || s.Size != packed {
		t.Errorf("there is %+v (%v), want latest with %d bytes", s, err, packed)
	}
	if s, err := registry.Find(ctx, r, forArch("arm64")); err != nil || s.Tag != "" {
		t.Errorf("for another platform there is %+v (%v)", s, err)
	}

	r.Images, r.Tags, r.Compression = []*image.Image{amd, arm}, []string{"both"}, registry.Zstd
	push(t, r)
	for _, img := range r.Images {
		packed, err := registry.Packed(ctx, r, img)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := registry.Find(ctx, r, img.Config().Platform); err != nil || s.Tag != "both" || s.Size != packed {
			t.Errorf("for %s there is %+v (%v), want %d bytes", img.Config().Platform, s, err, packed)
		}
	}
	if s, err := registry.Find(ctx, r, forArch("s390x")); err != nil || s.Tag != "" {
		t.Errorf("for a platform that the index lacks there is %+v (%v)", s, err)
	}
}

// What a registry says is not trusted, and each failure is the registry's.
func TestFindHostile(t *testing.T) {
	t.Parallel()
	const oci = ocispec.MediaTypeImageManifest
	config := digest.FromString(`{"os":"linux","architecture":"amd64"}`)
	manifest := func(layers string) string {
		return fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"x","digest":%q,"size":37},"layers":[%s]}`, config, layers)
	}
	for name, row := range map[string]struct {
		manifest string
		fault    registrytest.Fault
		step     registrytest.Step
		size     int64
		says     string
	}{
		"good":                {manifest(`{"size":7},{"size":8}`), nil, "", 15, ""},
		"no layers":           {manifest(""), nil, "", 0, ""},
		"negative":            {manifest(`{"size":-7}`), nil, "", 0, "has a layer of -7 bytes"},
		"too large a claim":   {manifest(`{"size":9000000000000000000},{"size":9000000000000000000}`), nil, "", 0, "has a layer of 9000000000000000000 bytes"},
		"no number":           {manifest(`{"size":1e99}`), nil, "", 0, "no JSON of an image"},
		"no image":            {`{"schemaVersion":2}`, nil, "", 0, "asking for the configuration"},
		"null":                {`null`, nil, "", 0, "asking for the configuration"},
		"an index of itself":  {`{"manifests":[{"digest":"sha256:00","platform":{"os":"linux","architecture":"amd64"}}]}`, nil, "", 0, "sha256:00"},
		"an index of nothing": {`{"manifests":[{"digest":"` + config.String() + `","platform":{"os":"linux","architecture":"amd64"}}]}`, nil, "", -1, ""},
		"too long":            {`{"x":"` + strings.Repeat("x", 4<<20) + `"}`, nil, "", 0, "more than 4194304 bytes"},
		"a page":              {"", registrytest.Page(http.StatusOK), registrytest.GetManifest, 0, "fix: "},
		"busy for ever":       {"", registrytest.Status(http.StatusServiceUnavailable, "later"), registrytest.GetManifest, 0, "the registry answers 503"},
		"busy once":           {manifest(`{"size":7}`), registrytest.Times(1, registrytest.Status(http.StatusServiceUnavailable, "later")), registrytest.GetManifest, 7, ""},
		"cut off":             {manifest(`{"size":7}`), registrytest.Cut, registrytest.GetBlob, 0, "asking for the configuration"},
		"forbidden":           {"", registrytest.Status(http.StatusForbidden, "no"), registrytest.GetManifest, 0, "docker login"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := registrytest.Start(t, registrytest.Options{})
			host.AddBlob([]byte(`{"os":"linux","architecture":"amd64"}`))
			host.AddManifest("acme/hello", "1", oci, []byte(row.manifest))
			if row.fault != nil {
				host.Break(row.step, row.fault)
			}
			r := request(t, host.Host, hello(t, 1))
			r.Tags, r.Retries, r.Wait = []string{"1"}, 2, time.Millisecond
			s, err := registry.Find(context.Background(), r, forArch("amd64"))
			if row.says == "" {
				if err != nil || s.Size != max(0, row.size) || (s.Tag == "") != (row.size < 0) {
					t.Errorf("there is %+v (%v), want %d bytes", s, err, row.size)
				}
				return
			}
			var failed *registry.Error
			if !errors.As(err, &failed) || failed.Local || !strings.Contains(err.Error(), row.says) || !strings.HasPrefix(err.Error(), "asking for the image in ") || strings.Count(err.Error(), "\nfix: ") != 1 {
				t.Errorf("the error is %v, want %q", err, row.says)
			}
		})
	}
	r := request(t, "127.0.0.1:1", hello(t, 1))
	_, err := registry.Find(context.Background(), r, forArch("amd64"))
	wantError(t, err, "connection refused", "fix: see whether the registry runs")
}

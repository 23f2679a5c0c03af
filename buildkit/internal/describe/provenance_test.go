package describe

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
)

// The provenance names the Go that has compiled, and the image that it is in with its whole digest: the registry's, if the image is
// from one. Nothing in it is about the engine.
func TestProvenanceOfABuilder(t *testing.T) {
	t.Parallel()
	id, manifest := strings.Repeat("1", 64), strings.Repeat("2", 64)
	for _, row := range []struct {
		name    string
		digests []string
		has     []string
	}{
		{"pulled", []string{"golang@sha256:" + manifest}, []string{"pkg:oci/golang@sha256:" + manifest, `"sha256": "` + manifest + `"`}},
		{"another's", []string{"registry.example/golang@sha256:" + manifest}, []string{`"sha256": "` + id + `"`}},
		{"loaded", nil, []string{`"sha256": "` + id + `"`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			img, err := plan.New(plan.Facts{
				Config: config.Config{Build: config.Build{Container: "golang:1.26"}, Origin: "magefile.go:3"}, Name: "app", Binary: "/app",
				For: platform.Platform{OS: "linux", Architecture: "amd64"}, From: "engine at tcp://me@far.example",
				Module: gobuild.Module{Dir: t.TempDir(), GoVersion: "go1.21.0"}, Inside: gobuild.Module{GoVersion: "go1.26.9"},
				Builder: builder.Of(docker.Image{ID: "sha256:" + id, Digests: row.digests}, "golang:1.26", "tcp://me@far.example", nil, nil), Getenv: os.Getenv,
			})
			if err != nil {
				t.Fatal(err)
			}
			document, err := Provenance(context.Background(), result.Result{Plan: img}, nil, digest.FromString(""))
			if err != nil {
				t.Fatal(err)
			}
			text := document.Content
			for _, want := range append(row.has, `"go": "go1.26.9"`, `"value": "golang:1.26"`, `"name": "builder"`) {
				if !bytes.Contains(text, []byte(want)) {
					t.Errorf("it has no %s", want)
				}
			}
			for _, not := range []string{"go1.21.0", "far.example", `"engine`} {
				if bytes.Contains(text, []byte(not)) {
					t.Errorf("it has %s", not)
				}
			}
			if t.Failed() {
				t.Logf("%s", text)
			}
		})
	}
}

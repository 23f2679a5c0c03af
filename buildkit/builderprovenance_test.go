package buildkit

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
)

// The provenance names the Go that has compiled, and the image that it is in with its whole digest: the registry's, where
// the image is from one. Nothing in it is about the engine.
func TestBuilderProvenance(t *testing.T) {
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
			p := planner{Plan: Plan{
				Root: t.TempDir(), Binary: "/app", Reference: "app:1", Origin: "magefile.go:3",
				Platform: Platform{OS: "linux", Architecture: "amd64"}, from: "engine at tcp://me@far.example",
				module: gobuild.Module{GoVersion: "go1.21.0"}, inside: gobuild.Module{GoVersion: "go1.26.9"},
				builder: builder.Of(docker.Image{ID: "sha256:" + id, Digests: row.digests}, "golang:1.26", nil, nil),
			}}
			p.decidePlatform()
			p.decideBuilder("tcp://me@far.example")
			text, err := (&Built{Plan: p.Plan, Binary: &gobuild.Binary{}}).provenance(context.Background(), digest.FromString(""))
			if err != nil {
				t.Fatal(err)
			}
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

package provenance

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/git"
)

// The statement has the shape that in-toto and SLSA require, and the same bytes each time.
func TestStatement(t *testing.T) {
	t.Parallel()
	b := Build{
		Reference: "app:1", Manifest: strings.Repeat("ab", 32),
		External: []Parameter{{Name: "main", Value: "./cmd/app", Origin: "magefile.go:3"}},
		Internal: map[string]string{"b": "2", "a": "1"},
		From:     []Resource{{URI: "pkg:golang/x@v1", Digest: map[string]string{"dirHash": "00"}}},
		Builder:  map[string]string{"go": "go1.25", "fromscratch": ""},
	}
	text, err := b.Statement()
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.Statement()
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("the second statement differs (%v)", err)
	}
	var got struct {
		Type          string `json:"_type"`
		PredicateType string
		Subject       []struct {
			Name   string
			Digest map[string]string
		}
		Predicate struct {
			BuildDefinition struct {
				BuildType            string
				ExternalParameters   map[string][]map[string]string
				ResolvedDependencies []Resource
			}
			RunDetails struct {
				Builder struct {
					ID      string
					Version map[string]string
				}
				Metadata map[string]any
			}
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	p := got.Predicate
	if got.Type != "https://in-toto.io/Statement/v1" || got.PredicateType != "https://slsa.dev/provenance/v1" || p.BuildDefinition.BuildType == "" || p.RunDetails.Builder.ID == "" {
		t.Errorf("a type is wrong:\n%s", text)
	}
	if len(got.Subject) != 1 || got.Subject[0].Name != "app:1" || got.Subject[0].Digest["sha256"] != strings.Repeat("ab", 32) {
		t.Errorf("the subject is %+v", got.Subject)
	}
	if c := p.BuildDefinition.ExternalParameters["config"]; len(c) != 1 || c[0]["origin"] != "magefile.go:3" {
		t.Errorf("the parameters are %+v", c)
	}
	if v := p.RunDetails.Builder.Version; len(v) != 1 || v["go"] != "go1.25" {
		t.Errorf("the versions are %+v", v)
	}
	if p.RunDetails.Metadata != nil {
		t.Errorf("there is metadata: %v", p.RunDetails.Metadata)
	}
}

// A checkout with a commit is a resource of the build.
func TestSource(t *testing.T) {
	t.Parallel()
	if _, ok := Source(git.Checkout{Dirty: true}); ok {
		t.Error("there is a source without a commit")
	}
	r, ok := Source(git.Checkout{Commit: "0123", Dirty: true, Remote: "https://github.com/acme/app.git"})
	if !ok || r.URI != "git+https://github.com/acme/app.git@0123" || r.Annotations["dirty"] != true || r.Digest["gitCommit"] != "0123" {
		t.Errorf("the source is %+v", r)
	}
}

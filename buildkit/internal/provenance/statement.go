package provenance

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// MediaType is the media type of a statement, https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md#fields.
const MediaType = "application/vnd.in-toto+json"

// The types of the document.
const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://slsa.dev/provenance/v1"
	// BuildType defines the meaning of the parameters: those of this package's [Build].
	BuildType = "https://github.com/fromscratch-go/fromscratch/build/v1"
	// BuilderID is the default builder: fromscratch, on a machine of which nothing is known.
	BuilderID = "https://github.com/fromscratch-go/fromscratch"
)

// Build is how an image was built.
type Build struct {
	Reference string // repository:tag
	Manifest  string // digest of the manifest, in hex of SHA-256

	External []Parameter       // what the user configured, in order
	Internal map[string]string // what it became: command and settings of the compiler
	From     []Resource        // inputs of the build, in order
	Builder  map[string]string // versions of the builder's parts; empty values are left out
}

// Parameter is a configured value of a build.
type Parameter struct {
	Name   string `json:"name"`
	Value  string `json:"value,omitempty"`
	Origin string `json:"origin,omitempty"` // where the value comes from
}

// Resource is an input of a build, a ResourceDescriptor
// (https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md).
type Resource struct {
	URI         string            `json:"uri,omitempty"`
	Name        string            `json:"name,omitempty"`
	Digest      map[string]string `json:"digest,omitempty"`
	Annotations map[string]any    `json:"annotations,omitempty"`
}

// statement is https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     predicate  `json:"predicate"`
}

// predicate is https://slsa.dev/spec/v1.0/provenance.
type predicate struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      runDetails      `json:"runDetails"`
}

type buildDefinition struct {
	BuildType            string            `json:"buildType"`
	ExternalParameters   map[string]any    `json:"externalParameters"`
	InternalParameters   map[string]string `json:"internalParameters,omitempty"`
	ResolvedDependencies []Resource        `json:"resolvedDependencies,omitempty"`
}

// runDetails has no times, so that the same build gives the same statement.
type runDetails struct {
	Builder builder `json:"builder"`
}

type builder struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version,omitempty"`
}

// Statement returns the document, with a line feed at the end.
func (b Build) Statement() ([]byte, error) {
	doc := statement{
		Type: statementType, PredicateType: predicateType,
		Subject: []Resource{{Name: b.Reference, Digest: map[string]string{"sha256": b.Manifest}}},
		Predicate: predicate{
			BuildDefinition: buildDefinition{
				BuildType: BuildType, ExternalParameters: map[string]any{"config": append([]Parameter{}, b.External...)},
				InternalParameters: b.Internal, ResolvedDependencies: b.From,
			},
			RunDetails: runDetails{Builder: builder{ID: BuilderID}},
		},
	}
	for name, version := range b.Builder {
		if version == "" {
			continue
		}
		if doc.Predicate.RunDetails.Builder.Version == nil {
			doc.Predicate.RunDetails.Builder.Version = map[string]string{}
		}
		doc.Predicate.RunDetails.Builder.Version[name] = version
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil { // Encode sorts maps
		return nil, fmt.Errorf("writing the provenance of %q: %w", b.Reference, err)
	}
	return out.Bytes(), nil
}

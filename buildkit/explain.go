package buildkit

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/describe"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
)

// What an image has in it, see package describe.
type (
	// Explanation says what is in an image, and why. Its JSON is for other programs: fields may be added, none is renamed.
	Explanation = describe.Explanation
	// LayerFacts describes a layer.
	LayerFacts = describe.LayerFacts
	// EntryFacts describes a path of an image.
	EntryFacts = describe.EntryFacts
	// Candidate is a library that a program may or may not open while it runs.
	Candidate = libraries.Candidate
	// Document is a document about an image that is not part of it: a bill of materials, or the provenance.
	Document = describe.Document
)

// Explain returns what is in the image, and why.
func (r *Result) Explain() Explanation { return describe.Explain(r.Result) }

// Chain explains one path. It returns facts about what the image needs as a whole, mostly the program, then about what that needs, and
// so on down to the path. For a path that is not in the image the error is [fs.ErrNotExist].
func (r *Result) Chain(path string) ([]EntryFacts, error) { return describe.Chain(r.Result, path) }

// Documents returns the bills of materials of the image, as SPDX and as CycloneDX, and its provenance. They are about a manifest: a
// registry may have the image under another digest than its archive, as layers are compressed there. "" means that of the archive.
//
// It reads every file of the image once more. It does not change the image. The same image from the same commit has the same
// documents.
func (r *Result) Documents(ctx context.Context, manifest digest.Digest) ([]Document, error) {
	return describe.Documents(ctx, r.Result, r.report, manifest)
}

// WriteDocuments writes the documents about the image to dist/NAME, each whole or not at all, and returns their paths. If it fails, it
// leaves none.
func (r *Result) WriteDocuments(ctx context.Context) (paths []string, err error) {
	return describe.WriteDocuments(ctx, r.Result, r.report)
}

// Annotations returns the annotations of a manifest or index that is pushed or written to a layout: the image's title and base, and,
// if the Config sets Annotate, where it comes from. Unknown values are left out. The revision of a changed checkout ends with "-dirty",
// and there is no version then.
func (r *Result) Annotations(ctx context.Context) (map[string]string, error) {
	return describe.Annotations(ctx, r.Result, r.report)
}

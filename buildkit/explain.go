package buildkit

import (
	"context"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/describe"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
)

// What an image has in it, see package describe.
type (
	// Explanation says what is in an image, and why. Its JSON is for other programs: fields may be added, none is renamed.
	Explanation = describe.Explanation
	// EntryFacts describes a path of an image.
	EntryFacts = describe.EntryFacts
	// Candidate is a library that a program may or may not open while it runs.
	Candidate = libraries.Candidate
)

// Explain returns what is in the image, and why.
func (r *Result) Explain() Explanation { return describe.Explain(r.Result) }

// Chain explains one path. It returns facts about what the image needs as a whole, mostly the program, then about what that needs, and
// so on down to the path. For a path that is not in the image the error is [fs.ErrNotExist].
func (r *Result) Chain(path string) ([]EntryFacts, error) { return describe.Chain(r.Result, path) }

// WriteDocuments writes the bills of materials of the image, as SPDX and as CycloneDX, and its provenance to dist/NAME, each whole or not
// at all, and returns their paths. If it fails, it leaves none. It reads every file of the image once more.
func (r *Result) WriteDocuments(ctx context.Context) (paths []string, err error) {
	return describe.WriteDocuments(ctx, r.Result, r.report)
}

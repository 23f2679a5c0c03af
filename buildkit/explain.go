package buildkit

import (
	"context"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/again"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/check"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/describe"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/send"
)

// What an image has in it, see package describe.
type (
	// Explanation says what is in an image, and why. Its JSON is for other programs: fields may be added, none is renamed.
	Explanation = describe.Explanation
	// EntryFacts describes a path of an image.
	EntryFacts = describe.EntryFacts
	// Candidate is a library that a program may or may not open while it runs.
	Candidate = libraries.Candidate
	// Verdict says whether an image keeps a rule, see package check.
	Verdict = check.Verdict
	// Again is a build of all images a second time, in another place. The caller closes it.
	Again = again.Build
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

// Check says whether the image keeps the rules of its Config's Check. If MaxGrowth is set, it asks the registry, see [send.Measure], and
// fails with a [*RegistryError] if that cannot be reached. If second is not nil, it compares the image with that of the second build,
// which it runs if no other image has.
func (r *Result) Check(ctx context.Context, o PushOptions, second *Again) ([]Verdict, error) {
	all, notes := check.Rules(r.Result)
	for _, n := range notes {
		r.Note("check", n)
	}
	if r.Plan.Rules.MaxGrowth.Text != "" {
		sizes, err := send.Measure(ctx, r.toSend(), o)
		if err != nil {
			return all, err
		}
		all = append(all, check.Growth(r.Plan, sizes.Now, sizes.Before, sizes.Reference))
	}
	if second == nil {
		return all, nil
	}
	other, err := second.Image(ctx, r.Plan.Reference, r.Plan.Platform)
	if err != nil {
		return all, err
	}
	same, err := check.Reproducible(ctx, r.Result, other)
	return append(all, same), err
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/document"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/listing"
)

// imagePlan prints the plan of every image, with what its compiled program needs. A
// program that does not compile still has a plan. What else would fail a build fails
// the target with the same exit code, but after all plans are printed.
func imagePlan(ctx context.Context, m *images) error {
	plans, err := buildkit.Resolve(ctx, m.inputs)
	if err != nil {
		return err
	}
	var wrong error
	for i, p := range plans {
		var text bytes.Buffer
		if i > 0 {
			fmt.Fprintln(&text)
		}
		findings, err := writePlan(ctx, &text, p, m.inputs.Report)
		if sayErr := m.out.say(said{text.String(), []document.Image{document.OfPlan(p, append(p.Values, findings.Values...), findings.Candidates)}}); sayErr != nil {
			return sayErr
		}
		if ctx.Err() != nil {
			return err
		}
		wrong = cmp.Or(wrong, err)
	}
	return wrong
}

// writePlan writes the plan of one image. It reports why a plan is incomplete, and
// returns why a build would fail.
func writePlan(ctx context.Context, w io.Writer, p buildkit.Plan, report buildkit.Report) (buildkit.Findings, error) {
	findings, err := buildkit.DryRun(ctx, p)
	if ctx.Err() != nil {
		return findings, err
	}
	fmt.Fprintln(w, p.Label())
	if writeErr := listing.Values(w, append(p.Values, findings.Values...)); writeErr != nil {
		return findings, writeErr
	}
	if findings.Unknown != nil {
		report.Note(p.Label(), "plan", "the plan is incomplete: "+oneLine(findings.Unknown))
	}
	if err != nil || len(findings.Candidates) == 0 {
		return findings, err
	}
	fmt.Fprintln(w, "  candidates that the program may open at run time; to add a library, list it in Libraries:")
	return findings, listing.Candidates(w, findings.Candidates)
}

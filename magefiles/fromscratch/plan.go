package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/listing"
)

// imagePlan prints the plan of every image, with what its compiled program needs. A
// program that does not compile still has a plan. A wrong Config fails as it does in a
// build, but after all plans are printed.
func imagePlan(ctx context.Context, m *images) error {
	plans, err := buildkit.Resolve(ctx, m.inputs)
	if err != nil {
		return err
	}
	var wrong error
	for i, p := range plans {
		if i > 0 {
			fmt.Println()
		}
		err := writePlan(ctx, os.Stdout, p, m.inputs.Report)
		var config *buildkit.ConfigError
		switch {
		case errors.As(err, &config):
			wrong = cmp.Or(wrong, err)
		case err != nil:
			return err
		}
	}
	return wrong
}

// writePlan writes the plan of one image. It reports why a plan is incomplete.
func writePlan(ctx context.Context, w io.Writer, p buildkit.Plan, report buildkit.Report) error {
	found, err := buildkit.DryRun(ctx, p)
	if ctx.Err() != nil {
		return err
	}
	fmt.Fprintln(w, p.Label())
	if writeErr := listing.Values(w, append(p.Values, found.Values...)); writeErr != nil {
		return writeErr
	}
	var config *buildkit.ConfigError
	if errors.As(err, &config) {
		return err
	}
	if err != nil {
		report.Note(p.Label(), "plan", "the plan is incomplete: "+oneLine(err))
		return nil
	}
	if len(found.Candidates) == 0 {
		return nil
	}
	fmt.Fprintln(w, "  candidates that the program may open at run time; to add a library, list it in Libraries:")
	return listing.Candidates(w, found.Candidates)
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// imagePlan prints the plan of every image, with what its compiled program needs. A
// program that does not compile still has a plan. A wrong Config fails as it does in a
// build, but after all plans are printed.
func (j *job) imagePlan(ctx context.Context) error {
	plans, err := j.plans(ctx, false)
	if err != nil {
		return err
	}
	var wrong error
	for i, p := range plans {
		if i > 0 {
			fmt.Println()
		}
		err := j.writePlan(ctx, os.Stdout, p)
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

func (j *job) writePlan(ctx context.Context, w io.Writer, p buildkit.Plan) error {
	foreseen, err := buildkit.Foresee(ctx, p)
	if ctx.Err() != nil {
		return err
	}
	fmt.Fprintln(w, p.Label())
	if writeErr := writeValues(w, append(p.Values, foreseen.Values...)); writeErr != nil {
		return writeErr
	}
	var config *buildkit.ConfigError
	if errors.As(err, &config) {
		return err
	}
	if err != nil {
		j.progress.report(buildkit.Event{
			Image: p.Label(), Step: "plan", State: buildkit.Note,
			Text: "the plan is incomplete: " + oneLine(err),
		})
		return nil
	}
	if len(foreseen.Candidates) == 0 {
		return nil
	}
	fmt.Fprintln(w, "  candidates that the program may open at run time; to add a library, list it in Libraries:")
	return writeCandidates(w, foreseen.Candidates)
}

// writeValues writes a line for each value.
func writeValues(w io.Writer, values []buildkit.Value) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, v := range values {
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", plaintext.Field(v.Name), plaintext.Shorten(plaintext.Field(plaintext.HideLogins(v.Value))), plaintext.Shorten(plaintext.Field(v.Origin)))
	}
	return tw.Flush()
}

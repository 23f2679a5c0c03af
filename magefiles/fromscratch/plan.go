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

// imagePlan prints every image's plan, then what the compiled program says of what
// it needs. A program that does not compile keeps nobody from reading the plan; what
// is wrong in a Config fails as it does when the image is built, behind all plans.
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
	foreseen, err := p.Foresee(ctx)
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
			Text: "what it needs is not all known: " + oneLine(err),
		})
		return nil
	}
	if len(foreseen.Candidates) == 0 {
		return nil
	}
	fmt.Fprintln(w, "  candidates, perhaps opened while the program runs; Libraries adds those that are libraries:")
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

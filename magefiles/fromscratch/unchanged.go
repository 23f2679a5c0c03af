package main

import (
	"context"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// unchanged finds the images that need no work: nothing has changed since their last
// build, and they are already where they go. all reports whether these are all images.
// Then not even the go command runs.
func (j *job) unchanged(ctx context.Context) (list []buildkit.Deliverable, all bool, err error) {
	in, err := j.inputs()
	if err != nil {
		return nil, false, err
	}
	if err := j.recall(ctx, in); err != nil {
		return nil, false, err
	}
	candidates, all := j.recalled.Standing()
	if j.engine == nil {
		return nil, false, nil
	}
	for _, d := range candidates {
		if !d.SameBase(ctx, in) {
			continue
		}
		there, err := j.has(ctx, d)
		if err != nil {
			return nil, false, err
		}
		if there {
			list = append(list, d)
		}
	}
	return list, all && len(list) == len(candidates), nil
}

// recall reads the state of an earlier run, once.
func (j *job) recall(ctx context.Context, in buildkit.Inputs) error {
	if j.recallDone || j.began.IsZero() {
		return nil
	}
	in.Began = j.began
	if err := addRecalled(ctx, &in); err != nil {
		return err
	}
	j.recalled, j.recallDone, j.began = in.Recalled, true, in.Began
	return nil
}

// addRecalled adds the state of an earlier build to the inputs. It resolves the builders first: the state is of no use if a
// builder's image has changed.
func addRecalled(ctx context.Context, in *buildkit.Inputs) error {
	if err := in.AskBuilders(ctx); err != nil {
		return err
	}
	in.Recalled = buildkit.Recall(*in)
	in.Began = in.Recalled.Began
	return nil
}

// reportUnchanged reports the images that needed no work.
func (j *job) reportUnchanged(list []buildkit.Deliverable) {
	for _, d := range list {
		j.progress.report(buildkit.Event{Image: d.Name, Step: "image", State: buildkit.Note, Text: d.Reference + " is unchanged"})
	}
}

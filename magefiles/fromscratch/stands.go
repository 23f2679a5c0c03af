package main

import (
	"context"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// standing finds the images of which nothing has changed and that are where they go:
// nothing is to be done for them. all says that these are all images; then the go
// command is not even asked. Else what is known of the last run helps the next.
func (j *job) standing(ctx context.Context) (list []buildkit.Deliverable, all bool, err error) {
	in, err := j.inputs()
	if err != nil {
		return nil, false, err
	}
	if err := j.recall(ctx, in); err != nil {
		return nil, false, err
	}
	stands, all := j.recalled.Standing()
	if j.engine == nil {
		return nil, false, nil
	}
	for _, d := range stands {
		if !d.SameBase(ctx, in) {
			continue
		}
		loaded, err := j.has(ctx, d)
		if err != nil {
			return nil, false, err
		}
		if loaded {
			list = append(list, d)
		}
	}
	return list, all && len(list) == len(stands), nil
}

// recall looks for what is known of an earlier run, once.
func (j *job) recall(ctx context.Context, in buildkit.Inputs) error {
	if j.looked || j.began.IsZero() {
		return nil
	}
	in.Began = j.began
	if err := remember(ctx, &in); err != nil {
		return err
	}
	j.recalled, j.looked, j.began = in.Recalled, true, in.Began
	return nil
}

// remember adds to the inputs what is known of an earlier build of them. The builders are asked first: nothing is known
// of a build in an image that may be another one by now.
func remember(ctx context.Context, in *buildkit.Inputs) error {
	if err := in.AskBuilders(ctx); err != nil {
		return err
	}
	in.Recalled = buildkit.Recall(*in)
	in.Began = in.Recalled.Began
	return nil
}

// unchanged says that nothing was to be done.
func (j *job) unchanged(list []buildkit.Deliverable) {
	for _, d := range list {
		j.progress.report(buildkit.Event{Image: d.Name, Step: "image", State: buildkit.Note, Text: d.Reference + " is unchanged"})
	}
}

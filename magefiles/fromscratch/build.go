package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// each builds every image and calls do with it. It prints the texts that do returns to
// stdout, in the order of the images.
func (m *images) each(ctx context.Context, do func(context.Context, *buildkit.Result) (string, error)) error {
	plans, err := m.plans(ctx)
	if err != nil {
		return err
	}
	return buildEach(ctx, plans, m.inputs.Report, nil, do)
}

// groups builds every image for all of its platforms and calls do with them. It prints
// the texts that do returns to stdout, in the order of the images.
func (m *images) groups(ctx context.Context, do func(context.Context, []*buildkit.Result) (string, error)) error {
	plans, err := m.plans(ctx)
	if err != nil {
		return err
	}
	return buildGroups(ctx, plans, m.inputs.Report, do)
}

// buildEach is images.each for given plans. Those whose image has a text in known are not built:
// it prints that text.
func buildEach(ctx context.Context, plans []buildkit.Plan, report buildkit.Report, known map[string]string, do func(context.Context, *buildkit.Result) (string, error)) error {
	var todo []buildkit.Plan
	texts := map[string]string{}
	key := func(p buildkit.Plan) string { return string(p.Dist()) }
	for _, p := range plans {
		if texts[key(p)] = known[p.Name]; texts[key(p)] == "" {
			todo = append(todo, p)
		}
	}
	var mu sync.Mutex
	err := buildkit.BuildEach(ctx, todo, report, func(ctx context.Context, b *buildkit.Result) error {
		text, err := do(ctx, b)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			texts[key(b.Plan)] = text
		}
		return err
	})
	return errors.Join(err, printTexts(plans, texts, key))
}

// buildGroups is images.groups for given plans.
func buildGroups(ctx context.Context, plans []buildkit.Plan, report buildkit.Report, do func(context.Context, []*buildkit.Result) (string, error)) error {
	var mu sync.Mutex
	texts := map[string]string{}
	key := func(p buildkit.Plan) string { return p.Name }
	err := buildkit.BuildGroups(ctx, plans, report, func(ctx context.Context, group []*buildkit.Result) error {
		text, err := do(ctx, group)
		mu.Lock()
		defer mu.Unlock()
		texts[key(group[0].Plan)] = text
		return err
	})
	return errors.Join(err, printTexts(plans, texts, key))
}

// printTexts prints the texts to stdout, each once, in the order of the plans.
func printTexts(plans []buildkit.Plan, texts map[string]string, key func(buildkit.Plan) string) (err error) {
	for _, p := range plans {
		text := texts[key(p)]
		if delete(texts, key(p)); text != "" {
			_, printErr := fmt.Println(strings.TrimSuffix(text, "\n"))
			err = errors.Join(err, printErr)
		}
	}
	return err
}

// buildOne builds one image and calls do with it while its folder is locked.
func buildOne(ctx context.Context, p buildkit.Plan, report buildkit.Report, do func(*buildkit.Result) error) error {
	return buildkit.BuildEach(ctx, []buildkit.Plan{p}, report, func(_ context.Context, b *buildkit.Result) error { return do(b) })
}

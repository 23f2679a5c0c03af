package main

import (
	"context"
	"errors"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// each builds every image and calls do with it. It says what do returns, in the order of the images.
func (m *images) each(ctx context.Context, do func(context.Context, *buildkit.Result) (said, error)) error {
	plans, err := m.plans(ctx)
	if err != nil {
		return err
	}
	return m.buildEach(ctx, plans, nil, do)
}

// groups builds every image for all of its platforms and calls do with them. It says what do returns, in the order of the
// images.
func (m *images) groups(ctx context.Context, do func(context.Context, []*buildkit.Result) (said, error)) error {
	plans, err := m.plans(ctx)
	if err != nil {
		return err
	}
	return m.buildGroups(ctx, plans, do)
}

// buildEach is each for given plans. Those whose image is in known are not built.
func (m *images) buildEach(ctx context.Context, plans []buildkit.Plan, known map[string]said, do func(context.Context, *buildkit.Result) (said, error)) error {
	var todo []buildkit.Plan
	all := map[string]said{}
	key := func(p buildkit.Plan) string { return string(p.Dist()) }
	for _, p := range plans {
		s, ok := known[p.Name]
		if !ok {
			todo = append(todo, p)
			continue
		}
		all[key(p)] = s
	}
	var mu sync.Mutex
	err := buildkit.BuildEach(ctx, todo, m.inputs.Report, func(ctx context.Context, b *buildkit.Result) error {
		s, err := do(ctx, b)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			all[key(b.Plan)] = s
		}
		return err
	})
	return errors.Join(err, m.sayAll(plans, all, key))
}

// buildGroups is groups for given plans.
func (m *images) buildGroups(ctx context.Context, plans []buildkit.Plan, do func(context.Context, []*buildkit.Result) (said, error)) error {
	var mu sync.Mutex
	all := map[string]said{}
	key := func(p buildkit.Plan) string { return p.Name }
	err := buildkit.BuildGroups(ctx, plans, m.inputs.Report, func(ctx context.Context, group []*buildkit.Result) error {
		s, err := do(ctx, group)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			all[key(group[0].Plan)] = s
		}
		return err
	})
	return errors.Join(err, m.sayAll(plans, all, key))
}

// sayAll says what there is, each once, in the order of the plans.
func (m *images) sayAll(plans []buildkit.Plan, all map[string]said, key func(buildkit.Plan) string) (err error) {
	for _, p := range plans {
		s, ok := all[key(p)]
		if delete(all, key(p)); ok {
			err = errors.Join(err, m.out.say(s))
		}
	}
	return err
}

// buildOne builds one image and calls do with it while its folder is locked.
func buildOne(ctx context.Context, p buildkit.Plan, report buildkit.Report, do func(*buildkit.Result) error) error {
	return buildkit.BuildEach(ctx, []buildkit.Plan{p}, report, func(_ context.Context, b *buildkit.Result) error { return do(b) })
}

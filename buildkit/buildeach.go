package buildkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// BuildEach builds images, passes each to use, and closes it. It compiles the programs with as few go commands as their flags allow. Then
// it makes and uses a few images at a time. After an error it begins no further image. If several images fail, it returns the error of the
// first one in order.
func BuildEach(ctx context.Context, plans []Plan, report Report, use func(context.Context, *Result) error) error {
	return build(ctx, plans, report, Plan.Folder, func(ctx context.Context, group []*Result) error { return use(ctx, group[0]) })
}

// BuildGroups is like [BuildEach], but passes each image with all of its platforms to use.
func BuildGroups(ctx context.Context, plans []Plan, report Report, use func(context.Context, []*Result) error) error {
	return build(ctx, plans, report, func(p Plan) string { return p.Name }, use)
}

// build builds images. It passes the images that have the same key to use together.
func build(ctx context.Context, plans []Plan, report Report, key func(Plan) string, use func(context.Context, []*Result) error) error {
	if len(plans) == 1 {
		r, err := Build(ctx, plans[0], report)
		if err != nil {
			return err
		}
		return errors.Join(use(ctx, []*Result{r}), r.Close())
	}
	all, err := beginAll(ctx, plans, report.Together())
	if err == nil {
		err = compileAll(ctx, all)
	}
	if err != nil {
		return errors.Join(err, abandonAll(all))
	}
	err = eachGroup(ctx, groupsOf(all, key), sideBySide(plans), (*begun).finish, func(ctx context.Context, group []*begun, err error) error {
		if err != nil {
			return errors.Join(err, abandonAll(group))
		}
		var results []*Result
		for _, b := range group {
			results = append(results, b.result)
		}
		err = use(ctx, results)
		for _, r := range results {
			err = errors.Join(err, r.Close())
		}
		return err
	})
	// The images that were not begun have a new program and an old archive.
	return errors.Join(err, abandonAll(all))
}

// begun is one of several images that are being built.
type begun struct {
	draft
	hold   *hold
	result *Result // when it is finished
}

// finish makes the image from the compiled program.
func (b *begun) finish(ctx context.Context) (err error) {
	if b.result, err = b.draft.finish(ctx, b.hold); err != nil {
		return fmt.Errorf("building image %q: %w", b.plan.Label(), errors.Join(err, b.hold.abandon()))
	}
	return nil
}

// eachGroup calls finish with each image, and then use with each group and the error of its images, in the order of the images. At most
// atOnce of these calls run at the same time. A group that waits for its images does not count.
func eachGroup[T any](ctx context.Context, groups [][]T, atOnce int, finish func(T, context.Context) error, use func(context.Context, []T, error) error) error {
	shared := make(fsx.Places, atOnce)
	return fsx.Each(ctx, len(groups), atOnce, func(ctx context.Context, g int) error {
		group := groups[g]
		err := shared.Each(ctx, len(group), func(ctx context.Context, i int) error { return finish(group[i], ctx) })
		return shared.Use(func() error { return use(ctx, group, err) })
	})
}

// groupsOf returns the images by their keys, in order.
func groupsOf(all []*begun, key func(Plan) string) [][]*begun {
	var groups [][]*begun
	for _, b := range all {
		i := slices.IndexFunc(groups, func(g []*begun) bool { return key(g[0].plan) == key(b.plan) })
		if i < 0 {
			groups, i = append(groups, nil), len(groups)
		}
		groups[i] = append(groups[i], b)
	}
	return groups
}

// sideBySide returns how many images are made at once. It is about the number of cores, because an engine cannot unpack more layers at a
// time. It is 1 if a Config has a function After, which must run alone.
func sideBySide(plans []Plan) int {
	if slices.ContainsFunc(plans, func(p Plan) bool { return p.Hooks.After != nil }) {
		return 1
	}
	return min(4, max(2, runtime.NumCPU()))
}

// beginAll waits for the folders of all images, in the order of their names, so that two runs that want the same folders never wait for
// each other.
func beginAll(ctx context.Context, plans []Plan, report Report) ([]*begun, error) {
	all := make([]*begun, len(plans))
	var parsed ldd.Memory // of all images
	order := make([]int, len(plans))
	for i, p := range plans {
		order[i] = i
		all[i] = &begun{draft: draft{plan: p, report: report, parsed: parsed.Elsewhere()}}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(plans[a].Folder(), plans[b].Folder()) })
	for n, i := range order {
		var err error
		if all[i].hold, err = claim(ctx, plans[i], report); err != nil {
			// None was changed yet, so nothing is removed.
			for _, i := range order[:n] {
				err = errors.Join(err, all[i].hold.release())
			}
			return nil, err
		}
	}
	return all, nil
}

// compileAll compiles the programs of all images while their Configs are checked.
func compileAll(ctx context.Context, all []*begun) error {
	check := func(ctx context.Context) error {
		return fsx.Each(ctx, len(all), 1, func(ctx context.Context, i int) error {
			if err := all[i].check(ctx); err != nil {
				return fmt.Errorf("building image %q: %w", all[i].plan.Label(), err)
			}
			return nil
		})
	}
	return whileChecking(ctx, check, func(ctx context.Context) (err error) {
		var plans []Plan
		for _, b := range all {
			if b.before, err = compile.Clear(b.plan); err != nil {
				return fmt.Errorf("building image %q: %w", b.plan.Name, err)
			}
			plans = append(plans, b.plan)
		}
		binaries, err := compile.All(ctx, plans, all[0].report)
		for i, binary := range binaries {
			all[i].binary = binary
		}
		return err
	})
}

// abandonAll removes what earlier builds have left for delivery. It leaves out the images that are closed already.
func abandonAll(all []*begun) error {
	var errs []error
	for _, b := range all {
		errs = append(errs, b.hold.abandon())
	}
	return errors.Join(errs...)
}

package buildkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// BuildEach builds images, hands each to use, and closes it. The programs are
// compiled by as few go commands as their flags allow; then the images are made, and
// used, side by side, a few at a time. The error is that of the first image, in
// order, that has one; no image is begun after it.
func BuildEach(ctx context.Context, plans []Plan, report Report, use func(context.Context, *Built) error) error {
	return build(ctx, plans, report, func(b *Built) string { return b.Plan.Folder() }, func(ctx context.Context, group []*Built) error {
		return use(ctx, group[0])
	})
}

// BuildGroups builds images and hands each to use with all of its platforms; then it
// closes them. Else it is like [BuildEach].
func BuildGroups(ctx context.Context, plans []Plan, report Report, use func(context.Context, []*Built) error) error {
	return build(ctx, plans, report, func(b *Built) string { return b.Plan.Name }, use)
}

// build builds images, and hands those together to use that have the same key.
func build(ctx context.Context, plans []Plan, report Report, key func(*Built) string, use func(context.Context, []*Built) error) error {
	if len(plans) == 1 {
		return buildOne(ctx, plans[0], report, func(ctx context.Context, b *Built) error { return use(ctx, []*Built{b}) })
	}
	all, err := claimAll(ctx, plans, report.Together())
	if err == nil {
		err = compileAll(ctx, all)
	}
	if err != nil {
		return errors.Join(err, discardAll(all))
	}
	err = eachGroup(ctx, groupsOf(all, key), sideBySide(plans), (*Built).finishOrAbandon, func(ctx context.Context, group []*Built, err error) error {
		if err != nil {
			return errors.Join(err, discardAll(group))
		}
		err = use(ctx, group)
		for _, b := range group {
			err = errors.Join(err, b.Close())
		}
		return err
	})
	// Those that were not begun have a new program beside an old archive.
	return errors.Join(err, discardAll(all))
}

// eachGroup calls finish with each image, and use with each group and the error of its images: so many at once of both
// together, and in the order of the images. A group that waits for its images takes no place.
func eachGroup[T any](ctx context.Context, groups [][]T, atOnce int, finish func(T, context.Context) error, use func(context.Context, []T, error) error) error {
	shared := make(fsx.Places, atOnce)
	return each(ctx, groups, atOnce, func(ctx context.Context, group []T) error {
		err := shared.Each(ctx, len(group), func(ctx context.Context, i int) error { return finish(group[i], ctx) })
		return shared.Use(func() error { return use(ctx, group, err) })
	})
}

// finishOrAbandon is finish as one of many.
func (b *Built) finishOrAbandon(ctx context.Context) error {
	if err := b.finish(ctx); err != nil {
		return fmt.Errorf("building image %q: %w", b.Plan.Label(), errors.Join(err, b.abandon()))
	}
	return nil
}

// groupsOf are images by their keys, in order.
func groupsOf(all []*Built, key func(*Built) string) [][]*Built {
	var groups [][]*Built
	for _, b := range all {
		i := slices.IndexFunc(groups, func(g []*Built) bool { return key(g[0]) == key(b) })
		if i < 0 {
			groups, i = append(groups, nil), len(groups)
		}
		groups[i] = append(groups[i], b)
	}
	return groups
}

func buildOne(ctx context.Context, p Plan, report Report, use func(context.Context, *Built) error) error {
	b, err := Build(ctx, p, report)
	if err != nil {
		return err
	}
	return errors.Join(use(ctx, b), b.Close())
}

// sideBySide is how many images are made at once: an engine unpacks no more layers
// at a time than it has cores for, and a function of the user's runs alone.
func sideBySide(plans []Plan) int {
	if slices.ContainsFunc(plans, func(p Plan) bool { return p.Hooks.After != nil }) {
		return 1
	}
	return min(4, max(2, runtime.NumCPU()))
}

// claimAll takes the folders of all images, in the order of their names: two runs
// that want the same ones do not wait for each other for ever.
func claimAll(ctx context.Context, plans []Plan, report Report) ([]*Built, error) {
	all := make([]*Built, len(plans))
	var parsed ldd.Memory // by all of them
	order := make([]int, len(plans))
	for i, p := range plans {
		order[i] = i
		all[i] = &Built{Plan: p, report: report, release: func() error { return nil }, parsed: *parsed.Elsewhere()}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(plans[a].Folder(), plans[b].Folder()) })
	for _, i := range order {
		release, err := plans[i].Dist().Claim(ctx)
		if err != nil {
			// None was changed yet, so nothing is discarded.
			errs := []error{fmt.Errorf("building image %q: %w", plans[i].Name, err)}
			for _, b := range all {
				errs = append(errs, b.release())
			}
			return nil, errors.Join(errs...)
		}
		all[i].release = release
	}
	return all, nil
}

// compileAll compiles the programs of all images, while their Configs are checked.
func compileAll(ctx context.Context, all []*Built) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	checked := make(chan error, 1)
	go func() {
		err := each(ctx, all, 1, func(ctx context.Context, b *Built) error {
			if err := b.check(ctx); err != nil {
				return fmt.Errorf("building image %q: %w", b.Plan.Label(), err)
			}
			return nil
		})
		if err != nil {
			stop()
		}
		checked <- err
	}()
	compiled := compileGroups(ctx, all)
	if err := <-checked; err != nil && (compiled == nil || ctx.Err() != nil) {
		return err
	}
	return compiled
}

// compileGroups compiles what has to be compiled, and takes the rest.
func compileGroups(ctx context.Context, all []*Built) error {
	var compiled []*Built
	for _, b := range all {
		if err := b.clear(); err != nil {
			return fmt.Errorf("building image %q: clearing the place of the program: %w", b.Plan.Name, err)
		}
		if b.Plan.Binary == "" {
			compiled = append(compiled, b)
		} else if err := b.take(ctx); err != nil {
			return fmt.Errorf("building image %q: %w", b.Plan.Name, err)
		}
	}
	for _, group := range groupsOf(compiled, (*Built).compiler) {
		if err := compileGroup(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// compiler tells images apart that one go command cannot compile.
func (b *Built) compiler() string {
	if b.Plan.Builder == nil {
		return "here"
	}
	return fmt.Sprintf("%p %d", b.Plan.Builder, b.Plan.Index)
}

// compileGroup compiles programs with one go command, as far as their flags allow.
func compileGroup(ctx context.Context, group []*Built) error {
	var requests []gobuild.Request
	for _, b := range group {
		requests = append(requests, b.request())
	}
	first := group[0]
	done := first.report.Step(first.Plan.Name, "compile", fmt.Sprintf("%d programs", len(group)))
	binaries, err := first.Plan.Go.BuildAll(ctx, string(first.Plan.Dist()), requests)
	words := "1 program"
	if len(group) > 1 {
		words = fmt.Sprintf("%d programs", len(group))
	}
	done(words+" for "+platformsOf(group), err)
	if err != nil {
		return fmt.Errorf("building the images of %s: %w", filepath.Base(first.Plan.Root), err)
	}
	for i, b := range group {
		b.Binary = binaries[i]
	}
	return nil
}

// platformsOf are the platforms of images, each once, for people.
func platformsOf(all []*Built) string {
	var names []string
	for _, b := range all {
		if name := b.Plan.Platform.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// each does something with images, or with groups of them, so many at once. After an
// error no more are begun; those under way come to their end. The error is the first
// in the order of the images.
func each[T any](ctx context.Context, all []T, atOnce int, do func(context.Context, T) error) error {
	return fsx.Each(ctx, len(all), atOnce, func(ctx context.Context, i int) error { return do(ctx, all[i]) })
}

// discardAll removes what earlier builds have left for delivery, of images that are
// not closed yet.
func discardAll(all []*Built) error {
	var errs []error
	for _, b := range all {
		errs = append(errs, b.abandon())
	}
	return errors.Join(errs...)
}

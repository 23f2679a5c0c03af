package libraries

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// blame corrects the fix of an error for libraries that are missing because the Config excludes them: installing a package does not
// help. opens are the plugins that lack them; none if the program cannot start without them.
func (f *Found) blame(ctx context.Context, missing []*ldd.NotFoundError, opens []string) error {
	without := f.source.without
	if without == nil || len(missing) == 0 {
		return nil
	}
	env, err := Environment(f.query.Plan, f.query.Base)
	if err != nil {
		return err
	}
	p := f.program()
	p.Memory, p.Tries = f.parsed.Elsewhere(), slices.Clone(opens)
	for _, m := range missing {
		p.Tries = append(p.Tries, m.Soname)
	}
	whole, err := ldd.Resolve(ctx, f.source.whole(), p, env)
	if err != nil {
		return ctx.Err() // the error that there is says more
	}
	for _, m := range missing {
		o, ok := whole.Lookup(m.Soname)
		if !ok {
			continue
		}
		if pattern := without.Pattern(o.Path); pattern != "" {
			m.Fix = fmt.Sprintf("remove %q from Exclude in the Config (%s), which leaves out %s", pattern, f.query.Plan.Origin, o.Path)
		}
	}
	return nil
}

// blameForStart is [Found.blame] for an error of the program's start.
func (f *Found) blameForStart(ctx context.Context, err error) error {
	missing := missingIn(err)
	if f.source.without == nil || len(missing) == 0 {
		return err
	}
	if err := f.blame(ctx, missing, nil); err != nil {
		return err
	}
	// The text of err was made before the fix was corrected.
	p := f.program().Path
	return fmt.Errorf("resolving the libraries of %q: %w", p, &ldd.MissingError{Program: p, Missing: missing})
}

// blameForPlugins is [Found.blame] for what the program can do without.
func (f *Found) blameForPlugins(ctx context.Context) error {
	var opens []string
	missing := slices.Clone(f.closure.Optional)
	for _, l := range f.closure.Left {
		if m := missingIn(l.Err); len(m) > 0 {
			opens, missing = append(opens, l.Name), append(missing, m...)
		}
	}
	return f.blame(ctx, missing, opens)
}

// missingIn returns the libraries that an error is about.
func missingIn(err error) []*ldd.NotFoundError {
	var all *ldd.MissingError
	if errors.As(err, &all) {
		return all.Missing
	}
	var one *ldd.NotFoundError
	if errors.As(err, &one) {
		return []*ldd.NotFoundError{one}
	}
	return nil
}

// Idle returns a note for each entry of Exclude that matches nothing: it may be misspelled. Call it when the tree is assembled, because a
// pattern may match data.
func (f *Found) Idle() []string {
	if f.recalled != nil {
		return nil
	}
	var idle, notes []string
	if f.source.without != nil {
		idle = f.source.without.Unused()
	}
	for _, word := range f.query.Plan.Libraries.Exclude {
		isPattern := slices.Contains(excluded(f.query.Plan), word)
		if isPattern && !slices.Contains(idle, word) || slices.Contains(f.opened.Excluded, word) {
			continue
		}
		what := "the pattern"
		if !isPattern {
			what = "the group"
		}
		text := fmt.Sprintf("warning: %s %q of Exclude (%s) excludes nothing: the image takes none of it from the sysroot", what, word, f.query.Plan.Origin)
		if isPattern && strings.Contains(word, "/") && !strings.HasPrefix(word, "/") {
			text += "\nfix: begin the path with a \"/\""
		}
		notes = append(notes, text)
	}
	return notes
}

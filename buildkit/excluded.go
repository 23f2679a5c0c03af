package buildkit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/exclude"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plugins"
)

// excluded are the patterns of the Config's Exclude. A word that is the name of a group
// stands for that alone, not for files of that name.
func (b *Built) excluded() []string {
	groups := plugins.Groups()
	return slices.DeleteFunc(slices.Clone(b.Plan.Libraries.Exclude), func(word string) bool { return slices.Contains(groups, word) })
}

// kept is the sysroot without what the Config excludes. What a base has stays: it is in
// the image whatever is said.
func (b *Built) kept() ldd.FS {
	patterns := b.excluded()
	if len(patterns) == 0 {
		return b.sys()
	}
	if b.without == nil {
		b.without = exclude.New(b.ownSys(), patterns)
	}
	return b.overBase(b.without)
}

// blameExclude corrects the remedy for libraries that are missing because the Config
// excludes them: no package brings them back. opens is what they were missed for, if
// not for the start of the program.
func (b *Built) blameExclude(ctx context.Context, missing []*ldd.NotFoundError, opens []string) error {
	if b.without == nil || len(missing) == 0 {
		return nil
	}
	env, err := b.environment()
	if err != nil {
		return err
	}
	p := b.program()
	p.Memory, p.Tries = b.parsed.Elsewhere(), slices.Clone(opens)
	for _, m := range missing {
		p.Tries = append(p.Tries, m.Soname)
	}
	whole, err := ldd.Resolve(ctx, b.sys(), p, env)
	if err != nil {
		return ctx.Err() // the error that there is says more
	}
	for _, m := range missing {
		o, ok := whole.Lookup(m.Soname)
		if !ok {
			continue
		}
		if pattern := b.without.Pattern(o.Path); pattern != "" {
			m.Fix = fmt.Sprintf("remove %q from Exclude in the Config (%s), which leaves out %s", pattern, b.Plan.Origin, o.Path)
		}
	}
	return nil
}

// blameForStart is [Built.blameExclude] of what the program cannot start without.
func (b *Built) blameForStart(ctx context.Context, err error) error {
	missing := missingIn(err)
	if b.without == nil || len(missing) == 0 {
		return err
	}
	if err := b.blameExclude(ctx, missing, nil); err != nil {
		return err
	}
	// Once more, for the text of the error was made before.
	p := b.program().Path
	return fmt.Errorf("resolving the libraries of %q: %w", p, &ldd.MissingError{Program: p, Missing: missing})
}

// blameForPlugins is [Built.blameExclude] of what the program can do without.
func (b *Built) blameForPlugins(ctx context.Context) error {
	var opens []string
	missing := slices.Clone(b.Closure.Optional)
	for _, l := range b.Closure.Left {
		if m := missingIn(l.Err); len(m) > 0 {
			opens, missing = append(opens, l.Name), append(missing, m...)
		}
	}
	return b.blameExclude(ctx, missing, opens)
}

// missingIn are the libraries that an error is about.
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

// tellExcluded says which words of Exclude have left out nothing, as a misspelled one
// does. It is known when all is assembled: a pattern may fit data.
func (b *Built) tellExcluded() {
	var idle []string
	if b.without != nil {
		idle = b.without.Unused()
	}
	for _, word := range b.Plan.Libraries.Exclude {
		isPattern := slices.Contains(b.excluded(), word)
		if isPattern && !slices.Contains(idle, word) || slices.Contains(b.found.Excluded, word) {
			continue
		}
		what := "the pattern"
		if !isPattern {
			what = "the group"
		}
		text := fmt.Sprintf("warning: %s %q of Exclude (%s) excludes nothing: the image takes none of it from the sysroot", what, word, b.Plan.Origin)
		if isPattern && strings.Contains(word, "/") && !strings.HasPrefix(word, "/") {
			text += "\nfix: begin the path with a \"/\""
		}
		b.note("libraries", text)
		b.system.Notes = append(b.system.Notes, text)
	}
}

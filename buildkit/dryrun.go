package buildkit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/filelock"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/assemble"
)

// Findings is what only the compiled program can tell about an image that is not built yet.
type Findings struct {
	Values     []Value     // like those of the Plan; their origin is a rule
	Candidates []Candidate // libraries that the program may open while it runs, and that would not be in the image
	Notes      []string    // what a person should know
}

// DryRun compiles the program into a temporary folder, computes what it would bring with it, and checks all that a build checks. It runs no
// hook and leaves dist/ as it is. A mistake in the Config is a [*ConfigError], unless the Config has a Before, which was not run and might
// make what is missing. With an error it returns what it has found out.
func DryRun(ctx context.Context, p Plan) (f Findings, err error) {
	f, err = dryRun(ctx, p)
	switch {
	case err == nil:
		return f, nil
	case p.Hooks.Before:
		return f, fmt.Errorf("trying to build image %q, whose Before was not run: %v", p.Name, err)
	}
	return f, fmt.Errorf("trying to build image %q: %w", p.Name, err)
}

func dryRun(ctx context.Context, p Plan) (f Findings, err error) {
	if err := p.Dist().Check(); err != nil {
		return f, err
	}
	temp, err := filelock.MakeTemp("", "fromscratch-plan-")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, temp.Remove()) }()
	p.Output = filepath.Join(temp.Path, p.Name)
	p.Run.Key = "" // take nothing over from an earlier build
	d := draft{plan: p}
	if err := d.checkAndCompile(ctx); err != nil {
		return f, err
	}
	c, err := d.content(ctx, d.binary)
	if c.found != nil {
		f = c.findings()
	}
	return f, err
}

// findings says what was found for a program.
func (c content) findings() Findings {
	f := Findings{Candidates: c.found.Candidates, Notes: c.notes}
	f.Values = append(f.Values, Value{Name: "libraries", Value: c.found.Words, Origin: "ELF headers"})
	type group struct {
		name, of string
		files    int
	}
	var groups []group
	for _, o := range c.found.Opened {
		i := slices.IndexFunc(groups, func(g group) bool { return g.name == o.Group })
		if i < 0 {
			groups, i = append(groups, group{name: o.Group, of: o.Of}), len(groups)
		}
		groups[i].files++
	}
	for _, g := range groups {
		f.Values = append(f.Values, Value{Name: "plugins", Value: g.name, Origin: fmt.Sprintf("%d files, of %s", g.files, g.of)})
	}
	for _, n := range c.program.Needs() {
		if kind := assemble.Kinds[n.Kind]; kind != "" {
			f.Values = append(f.Values, Value{Name: kind, Value: "added", Origin: n.Why})
		}
	}
	return f
}

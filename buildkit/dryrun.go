package buildkit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/assemble"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/filelock"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// Findings is what only the compiled program can tell about an image that is not built yet.
type Findings struct {
	Values     []Value     // like those of the Plan; their origin is a rule
	Candidates []Candidate // libraries that the program may open while it runs, and that would not be in the image
	Notes      []string    // what a person should know
	Unknown    error       // why the above is incomplete: the program does not compile, or a Before or After was not run; nil if it is complete
}

// DryRun compiles the program into a temporary folder, computes which libraries and files it brings, and checks all that a build checks. It
// runs no hook and leaves dist/ as it is. It fails as [Build] would, with an error of the same kind, except for what Findings.Unknown is
// about. With an error, DryRun also returns what it has found so far.
func DryRun(ctx context.Context, p Plan) (f Findings, err error) {
	f, err = dryRun(ctx, p)
	if err == nil {
		return f, nil
	}
	hook := openBy(p, err)
	switch {
	case ctx.Err() != nil || hook == "":
		return f, fmt.Errorf("trying to build image %q: %w", p.Name, err)
	default:
		f.Unknown = fmt.Errorf("trying to build image %q, whose %s was not run: %w", p.Name, hook, err)
		return f, nil
	}
}

// openBy names the hook that could put right what is wrong, "" if none could. A Before may make any file, an After changes the program.
func openBy(p Plan, err error) string {
	var config *ConfigError
	var engine *EngineError
	switch {
	case errors.As(err, &engine):
		return ""
	case p.Hooks.Before:
		return "Before"
	case p.Hooks.After != nil && !errors.As(err, &config):
		return "After"
	}
	return ""
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
	// One after the other: a program that does not compile must not hide a mistake in the Config.
	if err := d.check(ctx); err != nil {
		return f, err
	}
	if err := d.compile(ctx); err != nil {
		return notCompiled(ctx, err)
	}
	c, err := d.content(ctx, d.binary)
	if c.found != nil {
		f = c.findings()
	}
	return f, err
}

// notCompiled returns what a compiler's error leaves unknown. Every other error fails the plan too.
func notCompiled(ctx context.Context, err error) (Findings, error) {
	var command *gobuild.CommandError
	var engine *EngineError
	if ctx.Err() != nil || !errors.As(err, &command) || errors.As(err, &engine) {
		return Findings{}, err
	}
	return Findings{Unknown: err}, nil
}

// findings returns what was found for a program.
func (c content) findings() Findings {
	f := Findings{Candidates: c.found.Candidates, Notes: c.notes}
	f.Values = append(f.Values, Value{Name: "libraries", Value: c.found.Words, Origin: "ELF headers"})
	if c.tree != nil {
		for _, g := range c.found.Groups(c.tree) {
			f.Values = append(f.Values, Value{Name: "plugins", Value: g.Name, Origin: fmt.Sprintf("%s, of %s", g, g.Of)})
		}
	}
	for _, n := range c.program.Needs() {
		if kind := assemble.Kinds[n.Kind]; kind != "" {
			f.Values = append(f.Values, Value{Name: kind, Value: "added", Origin: n.Why})
		}
	}
	return f
}

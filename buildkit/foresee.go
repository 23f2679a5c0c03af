package buildkit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/filelock"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
)

// Foreseen is what only the compiled program can tell about an image that is not
// built yet.
type Foreseen struct {
	Values     []Value     // like those of the Plan; their origin is a rule
	Candidates []Candidate // see [Built.Candidates]
	Notes      []string    // what a person should know
}

// Foresee compiles the program into a temporary folder, computes what it would bring
// with it, and checks all that a build checks. No hook is run, and dist/ stays as it is.
// What is wrong in the Config is a [*ConfigError], but with a Before, which might make
// what is missing, and was not run. What was found out comes with an error too.
func Foresee(ctx context.Context, p Plan) (f Foreseen, err error) {
	f, err = foresee(ctx, p)
	switch {
	case err == nil:
		return f, nil
	case p.Hooks.Before:
		return f, fmt.Errorf("foreseeing image %q, whose Before was not run: %v", p.Name, err)
	}
	return f, fmt.Errorf("foreseeing image %q: %w", p.Name, err)
}

func foresee(ctx context.Context, p Plan) (f Foreseen, err error) {
	if err := p.Dist().Check(); err != nil {
		return Foreseen{}, err
	}
	temp, err := filelock.MakeTemp("", "fromscratch-plan-")
	if err != nil {
		return Foreseen{}, err
	}
	defer func() { err = errors.Join(err, temp.Remove()) }()
	p.Output = filepath.Join(temp.Path, p.Name)
	p.Run.Key = "" // what an earlier build knows does not say what is only guessed
	b := &Built{Plan: p}
	for _, stage := range []func(context.Context) error{b.check, b.compile, b.functions, b.goLicences, b.findLibraries} {
		if err := stage(ctx); err != nil {
			return Foreseen{}, err
		}
	}
	f = b.foreseen()
	for _, stage := range []func(context.Context) error{b.assemble, b.commands, b.prove} {
		if err := stage(ctx); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (b *Built) foreseen() Foreseen {
	f := Foreseen{Candidates: b.Candidates, Notes: b.notes}
	f.Values = append(f.Values, Value{Name: "libraries", Value: b.closureWords(), Origin: "ELF headers"})
	for _, g := range b.groups() {
		f.Values = append(f.Values, Value{Name: "plugins", Value: g.name, Origin: fmt.Sprintf("%d files, of %s", g.files, g.of)})
	}
	if b.linked != nil {
		for _, n := range b.linked.Needs() {
			if kinds[n.Kind] != "" {
				f.Values = append(f.Values, Value{Name: kinds[n.Kind], Value: "added", Origin: n.Why})
			}
		}
	}
	return f
}

// kinds are the needs of Go's functions that an image answers by files, for people.
var kinds = map[linked.Kind]string{linked.Zones: "zones", linked.MIME: "mime types", linked.Cache: "cache folder"}

// group is a group of plugins and data.
type group struct {
	name, of string
	files    int // plugins and data files or folders
}

// groups lists the groups that the image has, in the order in which they were found.
func (b *Built) groups() []group {
	var groups []group
	add := func(name, of string) {
		i := slices.IndexFunc(groups, func(g group) bool { return g.name == name })
		if i < 0 {
			groups, i = append(groups, group{name: name, of: of}), len(groups)
		}
		groups[i].files++
	}
	for _, p := range b.found.Plugins {
		add(p.Group, p.Of)
	}
	for _, f := range b.found.Files {
		add(f.Group, f.Of)
	}
	return groups
}

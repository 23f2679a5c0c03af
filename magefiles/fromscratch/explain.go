package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/listing"
)

// explainArgs are the arguments of imageExplain after "--".
type explainArgs struct {
	json  bool
	paths []string
}

// readExplainArgs reads the arguments.
func readExplainArgs(args []string) (explainArgs, error) {
	var e explainArgs
	flags := flag.NewFlagSet("imageExplain", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&e.json, "json", false, "")
	err := flags.Parse(args)
	e.paths = flags.Args()
	for i, p := range e.paths {
		if err == nil && !path.IsAbs(p) {
			err = fmt.Errorf("the path %q is not absolute", p)
		}
		if e.paths[i] = path.Clean(p); err == nil && e.paths[i] == "/" {
			err = errors.New("the root folder is in every image and has no reason of its own")
		}
	}
	if err != nil {
		return e, &buildkit.ConfigError{Err: fmt.Errorf("reading the arguments of imageExplain: %w\n"+
			"fix: write \"imageExplain\", \"imageExplain -- --json\" or \"imageExplain -- /path/in/the/image\"", err)}
	}
	return e, nil
}

// imageExplain builds the images and prints why each file is in them.
func imageExplain(ctx context.Context, r *run) (dialogue.End, error) {
	e, err := readExplainArgs(r.Args)
	if err != nil {
		return dialogue.End{}, err
	}
	m, err := r.images()
	if err != nil {
		return dialogue.End{}, err
	}
	if err := m.explain(ctx, e); err != nil {
		return dialogue.End{}, err
	}
	return dialogue.End{Exit: r.Args != nil}, nil // mage would take the arguments after "--" for targets
}

func (m *images) explain(ctx context.Context, e explainArgs) error {
	if len(e.paths) == 0 && e.json && m.out.document == nil {
		return m.explainJSON(ctx)
	}
	if len(e.paths) == 0 {
		return m.each(ctx, func(_ context.Context, b *buildkit.Result) (said, error) {
			var text strings.Builder
			x := b.Explain()
			err := listing.Tree(&text, x)
			s := saidOf(text.String(), b)
			s.images[0].Files = x.Entries
			return s, err
		})
	}
	plans, err := m.plans(ctx)
	if err != nil {
		return err
	}
	plan, err := buildkit.One(plans)
	if err != nil {
		return err
	}
	return buildOne(ctx, plan, m.inputs.Report, func(b *buildkit.Result) error {
		if m.out.document == nil {
			return e.chains(m.out.stdout, b)
		}
		return e.files(m.out, b)
	})
}

// explainJSON writes a JSON array with an object for each image.
func (m *images) explainJSON(ctx context.Context) error {
	plans, err := m.plans(ctx)
	if err != nil {
		return err
	}
	all := make([]buildkit.Explanation, len(plans))
	err = buildkit.BuildEach(ctx, plans, m.inputs.Report, func(_ context.Context, b *buildkit.Result) error {
		i := slices.IndexFunc(plans, func(p buildkit.Plan) bool { return p.Dist() == b.Plan.Dist() })
		all[i] = b.Explain()
		return nil
	})
	if err != nil {
		return err
	}
	return listing.JSON(m.out.stdout, all)
}

// files says, as a document, why each path is in the image: its chain of files.
func (e explainArgs) files(out *output, b *buildkit.Result) error {
	s := saidOf("", b)
	for _, p := range e.paths {
		chain, err := b.Chain(p)
		if errors.Is(err, fs.ErrNotExist) {
			return &buildkit.ConfigError{Err: err}
		}
		if err != nil {
			return err
		}
		s.images[0].Files = append(s.images[0].Files, chain...)
	}
	return out.say(s)
}

// chains writes why each path is in the image. As JSON it is one array, with an array for each path.
func (e explainArgs) chains(w io.Writer, b *buildkit.Result) error {
	var all [][]buildkit.EntryFacts
	for _, p := range e.paths {
		chain, err := b.Chain(p)
		if errors.Is(err, fs.ErrNotExist) {
			return &buildkit.ConfigError{Err: err}
		}
		if all = append(all, chain); err == nil && !e.json {
			err = listing.Chain(w, chain)
		}
		if err != nil {
			return err
		}
	}
	if e.json {
		return listing.JSON(w, all)
	}
	return nil
}

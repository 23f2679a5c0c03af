package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/listing"
)

// againVariable is the environment variable with the OCI layout for the images of a second build. With it, imageCheck checks nothing.
const againVariable = "FROMSCRATCH_AGAIN"

// imageCheck builds the images, says which rules they keep, and fails if one does not. It delivers nothing.
func imageCheck(ctx context.Context, r *run) (end dialogue.End, err error) {
	reproducible, err := readCheckArgs(r.Args)
	if err != nil {
		return end, err
	}
	m, err := r.images()
	if err != nil {
		return end, err
	}
	if layout := os.Getenv(againVariable); layout != "" {
		return end, m.groups(ctx, func(ctx context.Context, group []*buildkit.Result) (said, error) {
			_, err := buildkit.LayoutAll(ctx, group, layout)
			return said{}, err
		})
	}
	var second *buildkit.Again
	if reproducible {
		if second, err = r.again(m); err != nil {
			return end, err
		}
	}
	err = errors.Join(m.check(ctx, second), second.Close())
	return dialogue.End{Exit: r.Args != nil}, err // mage would take the arguments after "--" for targets
}

// readCheckArgs reads the arguments after "--".
func readCheckArgs(args []string) (reproducible bool, err error) {
	flags := flag.NewFlagSet("imageCheck", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&reproducible, "reproducible", false, "")
	err = flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if err != nil {
		return false, &buildkit.ConfigError{Err: fmt.Errorf("reading the arguments of imageCheck: %w\nfix: write \"imageCheck\" or \"imageCheck -- -reproducible\"", err)}
	}
	return reproducible, nil
}

// again returns the second build: this target, once more, with the same worker.
func (r *run) again(m *images) (*buildkit.Again, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the worker for a second build: %w", err)
	}
	environ := append(slices.Clone(m.inputs.Environ), dialogue.WorkerVariable+"="+self, "IMAGE_FORMAT=text")
	return &buildkit.Again{
		Command: r.Command, Variable: againVariable, Dir: m.inputs.Dir, Environ: environ, Began: r.began, Report: m.inputs.Report,
	}, nil
}

// check builds and checks the images. The table and the document have those that could be checked, whatever has failed.
func (m *images) check(ctx context.Context, second *buildkit.Again) error {
	cache, err := layerCache()
	if err != nil {
		return err
	}
	options := buildkit.PushOptions{Getenv: os.Getenv, Cache: cache}
	if err := options.Check(); err != nil {
		return err
	}
	plans, err := m.plans(ctx)
	if err != nil {
		return err
	}
	growing := slices.DeleteFunc(slices.Clone(plans), func(p buildkit.Plan) bool { return p.Rules.MaxGrowth.Text == "" })
	if err := buildkit.Pushable(growing); err != nil {
		return err
	}
	var mu sync.Mutex
	verdicts, built := map[string][]buildkit.Verdict{}, map[string]said{}
	err = buildkit.BuildEach(ctx, plans, m.inputs.Report, func(ctx context.Context, b *buildkit.Result) error {
		list, err := b.Check(ctx, options, second)
		s := saidOf("", b)
		s.images[0].Checks = list
		mu.Lock()
		defer mu.Unlock()
		verdicts[b.Plan.Label()], built[b.Plan.Label()] = list, s
		return err
	})
	var table []listing.Verdicts
	var all said
	for _, p := range plans {
		if list, ok := verdicts[p.Label()]; ok {
			table = append(table, listing.Verdicts{Label: p.Label(), List: list})
			all.images = append(all.images, built[p.Label()].images...)
		}
	}
	var text bytes.Buffer
	if len(table) > 0 {
		err = errors.Join(err, listing.Checks(&text, table))
	}
	all.lines = text.String()
	if err = errors.Join(err, m.out.say(all)); err != nil {
		return err
	}
	return broken(table)
}

// broken returns the error that names the broken rules, nil if there are none.
func broken(all []listing.Verdicts) error {
	var lines, fixes []string
	for _, v := range all {
		for _, c := range v.List {
			if c.OK {
				continue
			}
			lines = append(lines, fmt.Sprintf("the image %q breaks the rule %q: %s", v.Label, c.Rule, c.What))
			if !slices.Contains(fixes, c.Fix) {
				fixes = append(fixes, c.Fix)
			}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "\n") + "\nfix: " + strings.Join(fixes, "; "))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
	"github.com/fromscratch-go/fromscratch/magefiles/bench/recipe"
)

// prefix starts the names of everything that is made in an engine.
const prefix = "fromscratch-bench-recipe-"

// bench is one run of this program.
type bench struct {
	options
	root    string
	environ []string
	shop    *recipe.Workshop
	noted   []string // notes below the table
}

// entry is a row of the table: one recipe built in one way.
type entry struct {
	recipe  string
	way     recipe.Way
	site    *recipe.Site
	edition string // edition in the source
	took    [len(cases)]measure.Samples
	size    int64
	answers recipe.Answers
	left    error // reason for leaving it out
}

// The cases, in the order of a round. A line is changed before each but the last.
const (
	first     = iota // without the image and earlier build output; the Go build cache is warm
	changed          // after a changed line
	unchanged        // without a change
)

// cases are the names of the cases.
var cases = [...]string{first: "first", changed: "changed", unchanged: "unchanged"}

// firsts is how many rounds include the first case, which takes long for recipes with two stages.
const firsts = 1

func run(ctx context.Context, o options) (err error) {
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(root, "magefiles", "bench", "recipes", "testdata")); err != nil {
		return fmt.Errorf("finding the recipes in %q: %w\nfix: run this at the root of the repository", root, err)
	}
	b := &bench{options: o, root: root, environ: measure.Environment(os.Environ())}
	tools, err := os.MkdirTemp("", prefix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tools)) }()
	config, err := b.findBuildx(ctx, tools)
	if err != nil {
		return err
	}
	if b.goImage == "" {
		say("looking for a golang image, which takes minutes the first time")
		if b.goImage, err = buildertest.Make(); err != nil {
			return err
		}
	}
	b.shop, err = recipe.Open(ctx, recipe.Options{Root: root, Prefix: prefix, GoImage: b.goImage, Environ: b.environ, DockerConfig: config})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.shop.Close()) }()
	return b.measureAll(ctx)
}

// findBuildx finds the docker command's BuildKit client: the machine's own, or one compiled for this run in the
// configuration folder that is returned.
func (b *bench) findBuildx(ctx context.Context, tools string) (config string, err error) {
	if !slices.Contains(b.ways, recipe.BuildKit) {
		return "", nil
	}
	if _, err := measure.Output(measure.Command(ctx, b.root, b.environ, "docker", "buildx", "version")); err == nil {
		return "", nil
	}
	say("compiling %s %s, which takes minutes the first time", measure.BuildxPackage, measure.BuildxVersion)
	config = filepath.Join(tools, "docker")
	plugin := filepath.Join(config, "cli-plugins", "docker-buildx")
	err = measure.CompileTool(ctx, b.environ, tools, plugin, measure.BuildxPackage, measure.BuildxVersion)
	if err == nil || ctx.Err() != nil {
		return config, ctx.Err()
	}
	b.ways = slices.DeleteFunc(b.ways, func(w recipe.Way) bool { return w == recipe.BuildKit || w == recipe.Classic })
	b.ways = slices.Insert(b.ways, 0, recipe.Classic)
	b.noted = append(b.noted, "the classic builder instead of BuildKit: there is no docker buildx here, and none could be compiled: "+lastLine(err))
	return "", nil
}

func (b *bench) measureAll(ctx context.Context) error {
	began := time.Now()
	machine := b.machine(ctx)
	var all []*entry
	for _, name := range b.recipes {
		entries, err := b.measure(ctx, name)
		if err != nil {
			return err
		}
		all = append(all, entries...)
	}
	return b.write(machine, all, time.Since(began))
}

// measure measures a recipe in all ways.
func (b *bench) measure(ctx context.Context, name string) ([]*entry, error) {
	var entries []*entry
	for _, way := range b.ways {
		e := &entry{recipe: name, way: way}
		e.site, e.left = b.shop.Site(ctx, name, way)
		entries = append(entries, e)
	}
	for n := range b.rounds + 1 {
		for _, e := range measure.Rotated(entries, n) {
			if e.left == nil {
				e.left = b.round(ctx, e, n)
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
	}
	var err error
	for _, e := range entries {
		if e.site != nil {
			err = errors.Join(err, e.site.Forget(ctx))
		}
		if e.way == recipe.Ours {
			err = errors.Join(err, e.left)
		}
	}
	return entries, err
}

// round times the cases of one way. Round 0 fills the caches and asks the program, and does not count.
func (b *bench) round(ctx context.Context, e *entry, n int) error {
	var said []string
	for i := range cases {
		if n == 0 && i != first || n > firsts && i == first {
			continue
		}
		took, err := e.time(ctx, i)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", e.site.Describe(), cases[i], err)
		}
		said = append(said, fmt.Sprintf("%s %.2f", cases[i], took.Seconds()))
		if n > 0 {
			e.took[i].Add(took)
		}
	}
	say("%s, round %d of %d: %s: %s", e.recipe, n, b.rounds, e.way, strings.Join(said, ", "))
	if n > 0 {
		return nil
	}
	return e.ask(ctx)
}

// time times one case.
func (e *entry) time(ctx context.Context, i int) (took time.Duration, err error) {
	if i == first {
		err = e.site.Forget(ctx)
	}
	if i != unchanged {
		e.edition = fmt.Sprintf("%016x", time.Now().UnixNano())
		err = errors.Join(err, e.site.Edit(e.edition))
	}
	if err != nil {
		return 0, err
	}
	measure.Settle(ctx)
	began := time.Now()
	err = e.site.Build(ctx)
	took = time.Since(began)
	if err == nil {
		err = e.check(ctx, i != unchanged)
	}
	return took, err
}

// check checks that the image has changed if and only if the source has. The image of some recipes changes each time.
func (e *entry) check(ctx context.Context, edited bool) error {
	changed, err := e.site.Built(ctx)
	switch {
	case err != nil:
		return err
	case edited && !changed:
		return errors.New("the image has not changed")
	case !edited && changed && e.way == recipe.Ours:
		return errors.New("the image has changed, but the source has not")
	}
	return nil
}

// ask asks the program what it finds in its image, and checks that it is the edited one.
func (e *entry) ask(ctx context.Context) (err error) {
	if e.size, err = e.site.Size(ctx); err != nil {
		return err
	}
	if e.answers, err = e.site.Ask(ctx); err == nil && e.answers.Edition != e.edition {
		err = fmt.Errorf("the program prints %q, but was compiled with %q", e.answers.Edition, e.edition)
	}
	return err
}

// say prints progress on stderr.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// lastLine returns the last line of an error, in which commands name the cause.
func lastLine(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return lines[len(lines)-1]
}

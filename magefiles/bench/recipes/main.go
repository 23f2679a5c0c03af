// Recipes compares classic recipes for images of Go programs to fromscratch's targets, on the same programs: the size of
// the images, the build time, and what the program lacks in each image. It prints a table in Markdown:
//
//	go run ./magefiles/bench/recipes -o recipes.md
//
// Run it at the root of the repository. The ways alternate: each round runs all of them, starting with the next one each
// time. Each works in its own copy of the source. The first round makes each image once and does not count. In it, the
// programs are asked what they find in their images.
//
// Everything that it makes in an engine is named or labelled fromscratch-bench-recipe-, and removed at the end, also
// after Ctrl-C. Only BuildKit's own cache has no name. It stays until the engine's garbage collector removes it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/recipe"
)

// exitInterrupted is 128 + SIGINT, as in shells.
const exitInterrupted = 130

// options are the flags.
type options struct {
	rounds  int
	recipes []string
	ways    []recipe.Way
	goImage string
	output  string
}

func main() {
	// After the first signal, later ones do not stop the cleanup.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, o)
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "interrupted")
		os.Exit(exitInterrupted)
	case err != nil && !errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	var ways []string
	all := []recipe.Way{recipe.Classic, recipe.BuildKit, recipe.Ours}
	flags := flag.NewFlagSet("recipes", flag.ContinueOnError)
	flags.IntVar(&o.rounds, "rounds", 5, "counted `rounds`; one more fills the caches")
	flags.Func("recipes", "`names`, of "+strings.Join(recipe.Names(), ",")+" (default all)", words(&o.recipes, recipe.Names()))
	flags.Func("ways", "`names`, of classic,buildkit,ours (default buildkit,ours; classic where there is no BuildKit)", words(&ways, []string{"classic", "buildkit", "ours"}))
	flags.StringVar(&o.goImage, "go-image", "", "golang `image` with gcc and libsqlite3-dev (default one of this Debian's packages)")
	flags.StringVar(&o.output, "o", "", "`file` that the table is written to as well")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.rounds < 1 {
		return o, fmt.Errorf("reading the flags: %q\nfix: see -h", strings.Join(args, " "))
	}
	if len(ways) == 0 {
		ways = []string{"buildkit", "ours"}
	}
	if len(o.recipes) == 0 {
		o.recipes = recipe.Names()
	}
	for _, way := range all {
		if slices.Contains(ways, string(way)) {
			o.ways = append(o.ways, way)
		}
	}
	return o, nil
}

// words parses known words that are separated by commas.
func words(into *[]string, known []string) func(string) error {
	return func(text string) error {
		for _, word := range strings.Split(text, ",") {
			if !slices.Contains(known, word) {
				return fmt.Errorf("there is no %q", word)
			}
			*into = append(*into, word)
		}
		return nil
	}
}

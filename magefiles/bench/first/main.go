// Command first measures how long a new user waits for the first image: what is downloaded and compiled, with empty caches, and what
// the second project on the same machine takes. It makes a version of both modules in a folder, as package release does, and prints
// a table. It runs at the root of the repository:
//
//	go run ./magefiles/bench/first -rounds 3
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
	"github.com/fromscratch-go/fromscratch/magefiles/release"
)

func main() {
	rounds := flag.Int("rounds", 1, "how often to measure; the table has medians")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, max(1, *rounds), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// row is a command and its times, one a round.
type row struct {
	command       string
	first, second measure.Samples
}

func run(ctx context.Context, rounds int, out io.Writer) error {
	var rows []row
	for range rounds {
		if err := round(ctx, &rows); err != nil {
			return err
		}
	}
	table := measure.NewTable("command", "first project, empty caches", "second project")
	var first, second float64
	for _, r := range rows {
		a, b := r.first.Median(), r.second.Median()
		first, second = first+a, second+b
		table.Add(r.command, measure.Seconds(a), measure.Seconds(b))
	}
	table.Add("all", measure.Seconds(first), measure.Seconds(second))
	table.Write(out)
	return nil
}

// round makes two projects with caches that were empty before the first one.
func round(ctx context.Context, rows *[]row) (err error) {
	dir, err := os.MkdirTemp("", "fromscratch-first")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	proxy, err := release.NewProxy(ctx, ".", filepath.Join(dir, "proxy"), "v0.0.1-bench")
	if err != nil {
		return err
	}
	env := []string{
		"XDG_CACHE_HOME=" + filepath.Join(dir, "cache"), "GOCACHE=" + filepath.Join(dir, "gocache"),
		"MAGEFILE_CACHE=" + filepath.Join(dir, "mage"),
	}
	for i := range 2 {
		trial := release.Trial{Proxy: proxy, Dir: filepath.Join(dir, fmt.Sprint("project", i)), Modules: filepath.Join(dir, "modules"), Out: io.Discard, Env: env}
		var said strings.Builder
		trial.Out = &said
		steps, err := trial.Run(ctx)
		if err != nil {
			return fmt.Errorf("%w\n%s", err, said.String())
		}
		for j, s := range steps {
			if j == len(*rows) {
				*rows = append(*rows, row{command: s.Command})
			}
			r := &(*rows)[j]
			if i == 0 {
				r.first.Add(s.Took)
			} else {
				r.second.Add(s.Took)
			}
		}
	}
	return nil
}

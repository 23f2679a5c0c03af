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
	"slices"
	"strings"
	"text/tabwriter"
	"time"

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
	first, second []time.Duration
}

func run(ctx context.Context, rounds int, out io.Writer) error {
	var rows []row
	for range rounds {
		if err := round(ctx, &rows); err != nil {
			return err
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "command\tfirst project, empty caches\tsecond project")
	var first, second time.Duration
	for _, r := range rows {
		a, b := median(r.first), median(r.second)
		first, second = first+a, second+b
		fmt.Fprintf(w, "%s\t%.1f s\t%.1f s\n", r.command, a.Seconds(), b.Seconds())
	}
	fmt.Fprintf(w, "all\t%.1f s\t%.1f s\n", first.Seconds(), second.Seconds())
	return w.Flush()
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
				r.first = append(r.first, s.Took)
			} else {
				r.second = append(r.second, s.Took)
			}
		}
	}
	return nil
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

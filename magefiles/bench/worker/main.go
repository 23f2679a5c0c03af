// Command worker measures what it costs to compile the worker with an empty cache, by module: packages, and seconds of the processor.
// It runs at the root of the repository, and prints a table:
//
//	go run ./magefiles/bench/worker
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// action is one of the go command's, see "go help build" and cmd/go/internal/work.
type action struct {
	Mode            string
	Package         string
	CmdUser, CmdSys time.Duration
}

// cost is what the packages of a module take.
type cost struct {
	name     string
	packages int
	seconds  float64
}

func run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "fromscratch-bench-worker-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	graph, binary := filepath.Join(dir, "graph.json"), filepath.Join(dir, "worker")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-debug-actiongraph="+graph, "-o", binary, "./magefiles/fromscratch")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOCACHE="+filepath.Join(dir, "cache"))
	began := time.Now()
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	took := time.Since(began)
	text, err := os.ReadFile(graph)
	if err != nil {
		return err
	}
	var actions []action
	if err := json.Unmarshal(text, &actions); err != nil {
		return err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	costs, all := sum(actions)
	fmt.Fprintf(out, "%s, load %s\n\n%.1f s by the clock, %.1f s of processors, %.1f MB\n\n", measure.Processor(), measure.Load(), took.Seconds(), all, float64(info.Size())/1e6)
	table := measure.NewTable("packages of", "packages", "processor, s", "part")
	for _, c := range costs {
		table.Add(c.name, fmt.Sprint(c.packages), fmt.Sprintf("%.2f", c.seconds), fmt.Sprintf("%.0f %%", 100*c.seconds/all))
	}
	table.Write(out)
	return nil
}

// sum returns the costs by module, the highest first, and all seconds.
func sum(actions []action) (list []cost, all float64) {
	by := map[string]*cost{}
	for _, a := range actions {
		seconds := (a.CmdUser + a.CmdSys).Seconds()
		if a.Mode != "build" && seconds == 0 {
			continue
		}
		name := moduleOf(a.Package)
		if a.Mode == "link" {
			name = "the linker"
		}
		if by[name] == nil {
			by[name] = &cost{name: name}
		}
		if a.Mode == "build" {
			by[name].packages++
		}
		by[name].seconds, all = by[name].seconds+seconds, all+seconds
	}
	for _, c := range by {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b cost) int { return cmp.Or(cmp.Compare(b.seconds, a.seconds), cmp.Compare(a.name, b.name)) })
	return list, all
}

// moduleOf returns the module of a package, as far as its path tells.
func moduleOf(pkg string) string {
	parts := strings.Split(pkg, "/")
	switch {
	case !strings.Contains(parts[0], "."):
		if parts[0] == "crypto" || parts[0] == "net" || parts[0] == "vendor" {
			return "the standard library: net, crypto"
		}
		return "the standard library: the rest"
	case strings.HasPrefix(pkg, "go.opentelemetry.io/"):
		return "go.opentelemetry.io"
	case strings.HasPrefix(pkg, "golang.org/x/") || len(parts) < 3:
		return strings.Join(parts[:min(3, len(parts))], "/")
	}
	return strings.Join(parts[:3], "/")
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
	"github.com/fromscratch-go/fromscratch/magefiles/bench/recipe"
)

// titles are the names of the ways in the table.
var titles = map[recipe.Way]string{
	recipe.Classic:  "recipe, classic builder",
	recipe.BuildKit: "recipe, BuildKit, cache mount",
	recipe.Ours:     "fromscratch",
}

// machine returns lines about the machine and the tools. It is called before the measurements.
func (b *bench) machine(ctx context.Context) string {
	return fmt.Sprintf("- %s, %d cores, %s %s, load %s before\n- %s, engine %s, docker command %s\n- %s, source %s\n",
		measure.Processor(), runtime.NumCPU(), runtime.GOOS, measure.FileText("/proc/sys/kernel/osrelease"), measure.Load(),
		b.answer(ctx, "go", "env", "GOVERSION"),
		b.answer(ctx, "docker", "info", "--format", "{{.ServerVersion}} ({{.Driver}})"),
		b.answer(ctx, "docker", "version", "--format", "{{.Client.Version}}"),
		time.Now().Format(time.DateOnly), b.answer(ctx, "git", "describe", "--always", "--dirty"))
}

// answer returns a command's output on one line.
func (b *bench) answer(ctx context.Context, args ...string) string {
	out, err := measure.Output(measure.Command(ctx, b.root, b.environ, args...))
	if err != nil {
		return "unknown"
	}
	return strings.SplitN(out, "\n", 2)[0]
}

// write writes the table to stdout and to the file of -o.
func (b *bench) write(machine string, all []*entry, took time.Duration) error {
	var text bytes.Buffer
	text.WriteString(machine)
	fmt.Fprintf(&text, "- seconds, medians of %d alternating rounds, of %d for the first image; %.0f s in all; × is the median of ours in that of the recipe\n\n", b.rounds, firsts, took.Seconds())
	header := []string{"recipe", "way", "MB"}
	for _, c := range cases {
		header = append(header, c, "×")
	}
	t := measure.NewTable(append(header, "passed", "what is missing in it")...)
	for _, e := range all {
		t.Add(e.row(find(all, e.recipe, recipe.Ours))...)
	}
	t.Write(&text)
	fmt.Fprintln(&text)
	for _, e := range all {
		if e.left != nil {
			fmt.Fprintf(&text, "- %s, %s: left out, it failed: %s\n", e.recipe, titles[e.way], lastLine(e.left))
		}
	}
	for _, note := range b.noted {
		fmt.Fprintf(&text, "- %s\n", note)
	}
	if _, err := os.Stdout.Write(text.Bytes()); err != nil || b.output == "" {
		return err
	}
	return os.WriteFile(b.output, text.Bytes(), 0o644)
}

// row returns an entry's row, with ratios to fromscratch's.
func (e *entry) row(ours *entry) []string {
	cells := []string{e.recipe, titles[e.way]}
	if e.left != nil {
		return append(cells, "–")
	}
	cells = append(cells, fmt.Sprintf("%.2f", float64(e.size)/1e6))
	for i := range cases {
		ratio := ""
		if ours != nil && e != ours {
			ratio = measure.Times(ours.took[i].Ratio(e.took[i]))
		}
		cells = append(cells, measure.Seconds(e.took[i].Median()), ratio)
	}
	return append(cells, e.answers.Count(), strings.Join(e.answers.Lacking(), ", "))
}

func find(all []*entry, name string, way recipe.Way) *entry {
	for _, e := range all {
		if e.recipe == name && e.way == way && e.left == nil {
			return e
		}
	}
	return nil
}

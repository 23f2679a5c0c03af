package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
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
func (j *job) imageExplain(ctx context.Context) error {
	e, err := readExplainArgs(j.args)
	if err != nil {
		return err
	}
	j.began = time.Time{} // the state of an earlier run has neither the reasons nor the candidates
	if err := j.explain(ctx, e); err != nil {
		return err
	}
	j.exits = j.args != nil // mage would take the arguments after "--" for targets
	return nil
}

func (j *job) explain(ctx context.Context, e explainArgs) error {
	if len(e.paths) == 0 && e.json {
		return j.explainJSON(ctx)
	}
	if len(e.paths) == 0 {
		return j.each(ctx, func(_ context.Context, b *buildkit.Built) (string, error) {
			var text strings.Builder
			err := writeTree(&text, b.Explain())
			return text.String(), err
		})
	}
	plans, err := j.plans(ctx, true)
	if err != nil {
		return err
	}
	plan, err := buildkit.One(plans)
	if err != nil {
		return err
	}
	return j.build(ctx, plan, func(b *buildkit.Built) error { return e.chains(os.Stdout, b) })
}

// explainJSON writes a JSON array with an object for each image.
func (j *job) explainJSON(ctx context.Context) error {
	plans, err := j.plans(ctx, true)
	if err != nil {
		return err
	}
	all := make([]buildkit.Explanation, len(plans))
	err = buildkit.BuildEach(ctx, plans, j.progress.report, func(_ context.Context, b *buildkit.Built) error {
		i := slices.IndexFunc(plans, func(p buildkit.Plan) bool { return p.Dist() == b.Plan.Dist() })
		all[i] = b.Explain()
		return nil
	})
	if err != nil {
		return err
	}
	return writeJSON(os.Stdout, all)
}

// chains writes why each path is in the image. As JSON it is one array, with an array for each path.
func (e explainArgs) chains(w io.Writer, b *buildkit.Built) error {
	var all [][]buildkit.EntryFacts
	for _, p := range e.paths {
		chain, err := b.Chain(p)
		if errors.Is(err, fs.ErrNotExist) {
			return &buildkit.ConfigError{Err: err}
		}
		if all = append(all, chain); err == nil && !e.json {
			err = writeChain(w, chain)
		}
		if err != nil {
			return err
		}
	}
	if e.json {
		return writeJSON(w, all)
	}
	return nil
}

func writeJSON(w io.Writer, v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(plaintext.JSON(text.Bytes()))
	return err
}

// writeChain writes a line for each element of a chain, indented by its depth.
func writeChain(w io.Writer, chain []buildkit.EntryFacts) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for i, f := range chain {
		indent := ""
		if i > 0 {
			indent = strings.Repeat("   ", i-1) + "└─ "
		}
		fmt.Fprintf(tw, "%s%s\t%s\t%s\n", indent, display(f.Path, f), sizeOf(f), plaintext.Field(f.Reason))
	}
	return tw.Flush()
}

// display returns a name for people, with "/" after a folder and the target after a link.
func display(name string, f buildkit.EntryFacts) string {
	name = plaintext.Field(name)
	switch f.Type {
	case "folder":
		return name + "/"
	case "link":
		return name + " -> " + plaintext.Field(f.Target)
	}
	return name
}

func sizeOf(f buildkit.EntryFacts) string {
	if f.Type != "file" {
		return ""
	}
	return buildkit.Size(f.Size)
}

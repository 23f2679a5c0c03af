package gobuild

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// pkg is what we read of `go list -json` (https://pkg.go.dev/cmd/go#hdr-List_packages_or_modules).
type pkg struct {
	ImportPath     string
	Name           string
	Dir            string
	Standard       bool
	DepOnly        bool     // no pattern matches it
	Match          []string // the patterns that do
	GoFiles        []string
	CgoFiles       []string
	CFiles         []string
	SFiles         []string
	HFiles         []string
	SysoFiles      []string
	SwigFiles      []string
	SwigCXXFiles   []string
	IgnoredGoFiles []string
	TestGoFiles    []string
	XTestGoFiles   []string
	CgoCFLAGS      []string
	CgoCPPFLAGS    []string
	CgoCXXFLAGS    []string
	CgoFFLAGS      []string
	CgoLDFLAGS     []string
	CgoPkgConfig   []string
	EmbedPatterns  []string
	EmbedFiles     []string
	Imports        []string
	Module         *struct{ Path, Dir, GoMod string }
	Error          *struct{ Pos, Err string }
}

// fields are the names above: go list spares itself the work for others.
const fields = "ImportPath,Name,Dir,Standard,DepOnly,Match,GoFiles,CgoFiles,CFiles,SFiles,HFiles,SysoFiles,SwigFiles,SwigCXXFiles,IgnoredGoFiles," +
	"TestGoFiles,XTestGoFiles,CgoCFLAGS,CgoCPPFLAGS,CgoCXXFLAGS,CgoFFLAGS,CgoLDFLAGS,CgoPkgConfig,EmbedPatterns,EmbedFiles,Imports,Module,Error"

// graph is the packages that patterns match, and all that they import.
type graph struct {
	matched []*pkg // by import path
	all     map[string]*pkg
}

// list asks for the packages of patterns. A broken package is part of the
// answer, so that one that nobody asked for does not get in the way.
func (c *call) list(ctx context.Context, patterns []string) (*graph, error) {
	args := append([]string{"list", "-e", "-deps", "-json=" + fields}, c.tagFlags()...)
	args = append(args, c.opts.Flags...)
	args = append(args, "--")
	out, err := c.g.run(ctx, c.command(fmt.Sprintf("listing %s for %s", quoted(patterns), c.target), append(args, patterns...)))
	if err != nil {
		return nil, err
	}
	gr := &graph{all: map[string]*pkg{}}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(pkg)
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading the output of go list: %w", err)
		}
		gr.all[p.ImportPath] = p
		if !p.DepOnly {
			gr.matched = append(gr.matched, p)
		}
	}
	slices.SortFunc(gr.matched, func(a, b *pkg) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	return gr, nil
}

// closure is root and all that it imports, nearest first, each with the package
// that it was reached from: always the same, as go list sorts the imports.
func (gr *graph) closure(root *pkg) (order []*pkg, from map[*pkg]*pkg) {
	order, from = []*pkg{root}, map[*pkg]*pkg{root: nil}
	for i := 0; i < len(order); i++ {
		for _, path := range order[i].Imports {
			p := gr.all[path]
			if p == nil { // "C" and "unsafe" are no packages
				continue
			}
			if _, seen := from[p]; !seen {
				from[p] = order[i]
				order = append(order, p)
			}
		}
	}
	return order, from
}

// problems are the errors in the closure of root, as lines for a person.
func (gr *graph) problems(root *pkg) []string {
	var lines []string
	order, _ := gr.closure(root)
	for _, p := range order {
		if p.Error != nil {
			lines = append(lines, p.problem())
		}
	}
	return lines
}

// problem is the error of one package in the compiler's form: position, words.
func (p *pkg) problem() string {
	line := p.Error.Err
	if p.Error.Pos != "" {
		line = p.Error.Pos + ": " + line
	}
	if strings.Contains(line, excluded) && len(p.IgnoredGoFiles) > 0 {
		line += ": " + strings.Join(p.IgnoredGoFiles, ", ")
	}
	return line
}

// excluded is the go command's phrase for a folder whose files are all for
// another system, or need a tag.
const excluded = "build constraints exclude all Go files"

// quoted is a list of patterns for an error.
func quoted(patterns []string) string {
	words := make([]string, len(patterns))
	for i, p := range patterns {
		words[i] = fmt.Sprintf("%q", p)
	}
	return strings.Join(words, ", ")
}

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

// pkg has the needed fields of `go list -json` (https://pkg.go.dev/cmd/go#hdr-List_packages_or_modules).
type pkg struct {
	ImportPath     string
	Name           string
	Dir            string
	Standard       bool
	DepOnly        bool     // no pattern matches it
	Match          []string // the patterns that match it
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

// fields are the names above: go list skips the work for others.
const fields = "ImportPath,Name,Dir,Standard,DepOnly,Match,GoFiles,CgoFiles,CFiles,SFiles,HFiles,SysoFiles,SwigFiles,SwigCXXFiles,IgnoredGoFiles," +
	"TestGoFiles,XTestGoFiles,CgoCFLAGS,CgoCPPFLAGS,CgoCXXFLAGS,CgoFFLAGS,CgoLDFLAGS,CgoPkgConfig,EmbedPatterns,EmbedFiles,Imports,Module,Error"

// graph has the packages that patterns match, and all that they import.
type graph struct {
	matched []*pkg // by import path
	all     map[string]*pkg
}

// list lists the packages of patterns. Broken packages are part of the result, so
// that one that no main needs is no error.
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

// closure returns root and all that it imports, nearest first, each with the package
// that it was reached from. The order is fixed: go list sorts the imports.
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

// problems returns the errors in the closure of root, one a line.
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

// problem returns the error of a package in the compiler's form: position, text.
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

// excluded is the go command's phrase for a folder whose files all are for another
// system or need a tag.
const excluded = "build constraints exclude all Go files"

// quoted returns a list of patterns for an error.
func quoted(patterns []string) string {
	words := make([]string, len(patterns))
	for i, p := range patterns {
		words[i] = fmt.Sprintf("%q", p)
	}
	return strings.Join(words, ", ")
}

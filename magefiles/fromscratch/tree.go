package main

import (
	"fmt"
	"io"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// branch is a path of an image with what is below it.
type branch struct {
	buildkit.EntryFacts
	name  string    // from the branch above
	below []*branch // sorted by name
	files int       // below, links too
	size  int64     // of all files below and the branch itself, in bytes
}

// newBranch puts the entries, which are sorted by path, parents first, into a tree.
func newBranch(entries []buildkit.EntryFacts) *branch {
	root := &branch{EntryFacts: buildkit.EntryFacts{Path: "/", Type: "folder"}}
	at := map[string]*branch{"/": root}
	for _, f := range entries {
		b := &branch{EntryFacts: f, name: path.Base(f.Path), size: f.Size}
		at[f.Path] = b
		parent := at[path.Dir(f.Path)]
		parent.below = append(parent.below, b)
	}
	root.sum()
	root.join()
	return root
}

// join writes a folder that has nothing but one folder in it, and is there for that
// one only, as one path with it: "usr/lib/x86_64-linux-gnu".
func (b *branch) join() {
	for i, c := range b.below {
		for c.parentOnly() && len(c.below) == 1 && c.below[0].Type == "folder" {
			only := c.below[0]
			only.name = path.Join(c.name, only.name)
			c = only
		}
		b.below[i] = c
		c.join()
	}
}

// parentOnly tells whether a folder is there for what is below it only.
func (b *branch) parentOnly() bool { return b.Type == "folder" && b.Reason == "parent folder" }

// sum adds up what is below each branch.
func (b *branch) sum() {
	for _, c := range b.below {
		c.sum()
		b.size += c.size
		b.files += c.files
		if c.Type != "folder" {
			b.files++
		}
	}
}

// many is how many files of one reason are told in one line.
const many = 5

// reason is that of all files below, "" when they have several.
func (b *branch) reason() string {
	reason := ""
	for _, c := range b.below {
		r := c.Reason
		if c.Type == "folder" && len(c.below) > 0 {
			r = c.reason()
		}
		if r == "" || reason != "" && r != reason {
			return ""
		}
		reason = r
	}
	return reason
}

// writeTree writes an image as a tree with sizes and reasons, and what is not in it.
func writeTree(w io.Writer, x buildkit.Explanation) error {
	base := ""
	if x.Base != "" {
		base = fmt.Sprintf(", %s of them the base %s", buildkit.Size(x.BaseSize), plaintext.Field(x.Base))
	}
	fmt.Fprintf(w, "%s  %s  %s%s\n", x.Reference, x.Platform, buildkit.Size(x.Size), base)
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, b := range newBranch(x.Entries).below {
		b.write(tw, 0)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	return writeDoubts(w, x)
}

// write writes a branch and what is below it; many files of one reason are one line.
func (b *branch) write(w io.Writer, depth int) {
	indent := strings.Repeat("  ", depth)
	name := b.name
	if depth == 0 {
		name = "/" + name
	}
	if reason := b.reason(); b.files > many && reason != "" {
		fmt.Fprintf(w, "%8s  %s%s  (%d files)\t%s\n", buildkit.Size(b.size), indent, shown(name, b.EntryFacts), b.files, plaintext.Field(reason))
		return
	}
	reason := b.Reason
	if b.parentOnly() {
		reason = ""
	}
	fmt.Fprintf(w, "%8s  %s%s\t%s\n", buildkit.Size(b.size), indent, shown(name, b.EntryFacts), plaintext.Field(reason))
	for _, c := range b.below {
		c.write(w, depth+1)
	}
}

// writeDoubts writes what may be missing, and what a person should know.
func writeDoubts(w io.Writer, x buildkit.Explanation) error {
	for _, n := range x.Notes {
		fmt.Fprintf(w, "\nnote: %s\n", plaintext.Shorten(plaintext.HideLogins(plaintext.Lines(n))))
	}
	if len(x.Candidates) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\nnot in the image, and perhaps opened while the program runs; Libraries adds those that are libraries:\n")
	return writeCandidates(w, x.Candidates)
}

// writeCandidates writes a line for each library that may be needed.
func writeCandidates(w io.Writer, list []buildkit.Candidate) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, c := range list {
		where := c.Path
		switch {
		case where == "" && strings.Contains(c.Name, ".so"):
			where = "not in the sysroot"
		case where == "":
			where = "-" // it is no file
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", plaintext.Field(c.Name), plaintext.Field(where), plaintext.Field(c.Why))
	}
	return tw.Flush()
}

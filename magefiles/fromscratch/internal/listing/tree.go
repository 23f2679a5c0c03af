package listing

import (
	"fmt"
	"io"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// branch is a path in an image, with everything below it.
type branch struct {
	buildkit.EntryFacts
	name  string    // relative to the parent
	below []*branch // sorted by name
	files int       // number of files and links below
	size  int64     // of the branch and all files below, in bytes
}

// newBranch returns the entries as a tree. They must be sorted, parents first.
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

// join merges a folder with the only entry in it, if that is a folder too, and if the
// outer one exists only as its parent: "usr/lib/x86_64-linux-gnu".
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

// parentOnly reports whether a folder exists only as the parent of what is below it.
func (b *branch) parentOnly() bool { return b.Type == "folder" && b.Reason == "parent folder" }

// sum computes the size and the number of files of each branch.
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

// many is the largest number of files with one reason that have a line each.
const many = 5

// reason returns the reason of all files below, or "" if they have several.
func (b *branch) reason() string {
	reason := ""
	for _, c := range b.below {
		r := why(c.EntryFacts)
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

// Tree writes an image as a tree with sizes and reasons, then notes and candidates.
func Tree(w io.Writer, x buildkit.Explanation) error {
	base := ""
	if x.Base != "" {
		base = fmt.Sprintf(", including %s of the base %s", buildkit.Size(x.BaseSize), plaintext.Field(x.Base))
	}
	fmt.Fprintf(w, "%s  %s  %s%s\n", x.Reference, x.Platform, buildkit.Size(x.Size), base)
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, b := range newBranch(x.Entries).below {
		b.write(tw, 0)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	return writeNotes(w, x)
}

// write writes a branch and what is below it. If it has many files of one reason, that is one line.
func (b *branch) write(w io.Writer, depth int) {
	indent := strings.Repeat("  ", depth)
	name := b.name
	if depth == 0 {
		name = "/" + name
	}
	if reason := b.reason(); b.files > many && reason != "" {
		fmt.Fprintf(w, "%8s  %s%s  (%d files)\t%s\n", buildkit.Size(b.size), indent, display(name, b.EntryFacts), b.files, plaintext.Field(reason))
		return
	}
	reason := why(b.EntryFacts)
	if b.parentOnly() {
		reason = ""
	}
	fmt.Fprintf(w, "%8s  %s%s\t%s\n", buildkit.Size(b.size), indent, display(name, b.EntryFacts), plaintext.Field(reason))
	for _, c := range b.below {
		c.write(w, depth+1)
	}
}

// writeNotes writes the notes about an image, and the candidates that are not in it.
func writeNotes(w io.Writer, x buildkit.Explanation) error {
	for _, n := range x.Notes {
		fmt.Fprintf(w, "\nnote: %s\n", plaintext.Shorten(plaintext.HideLogins(plaintext.Lines(n))))
	}
	if len(x.Candidates) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\nnot in the image, but the program may open these at run time; to add a library, list it in Libraries:\n")
	return Candidates(w, x.Candidates)
}

// Package listing writes what is known of an image: the values of its plan, its files as
// a tree or as chains of reasons, and JSON. What it writes is safe to print.
package listing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Values writes a line for each value.
func Values(w io.Writer, values []buildkit.Value) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, v := range values {
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", plaintext.Field(v.Name), plaintext.Shorten(plaintext.Field(plaintext.HideLogins(v.Value))), plaintext.Shorten(plaintext.Field(v.Origin)))
	}
	return tw.Flush()
}

// Verdicts are those about one image.
type Verdicts struct {
	Label string // of the image
	List  []buildkit.Verdict
}

// Checks writes a table with a line for each verdict, and below it one for each of its details.
func Checks(w io.Writer, all []Verdicts) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "image\trule\tresult\twhat")
	for _, v := range all {
		for _, c := range v.List {
			result := "ok"
			if !c.OK {
				result = "fails"
			}
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", plaintext.Field(v.Label), c.Rule, result, plaintext.Shorten(plaintext.Field(plaintext.HideLogins(c.What))))
			for _, d := range c.Details {
				fmt.Fprintf(tw, "\t\t\t%s\n", plaintext.Shorten(plaintext.Field(plaintext.HideLogins(d))))
			}
		}
	}
	return tw.Flush()
}

// Candidates writes a line for each candidate.
func Candidates(w io.Writer, list []buildkit.Candidate) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, c := range list {
		where := c.Path
		switch {
		case where == "" && strings.Contains(c.Name, ".so"):
			where = "not in the sysroot"
		case where == "":
			where = "-" // not a file
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", plaintext.Field(c.Name), plaintext.Field(where), plaintext.Field(c.Why))
	}
	return tw.Flush()
}

// JSON writes a value as indented JSON.
func JSON(w io.Writer, v any) error {
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

// Chain writes a line for each element of a chain, indented by its depth.
func Chain(w io.Writer, chain []buildkit.EntryFacts) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for i, f := range chain {
		indent := ""
		if i > 0 {
			indent = strings.Repeat("   ", i-1) + "└─ "
		}
		fmt.Fprintf(tw, "%s%s\t%s\t%s\n", indent, display(f.Path, f), sizeOf(f), plaintext.Field(why(f)))
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

// why returns the reason of a file, and the capabilities that it has.
func why(f buildkit.EntryFacts) string {
	if len(f.Capabilities) == 0 {
		return f.Reason
	}
	return f.Reason + ", with " + strings.Join(f.Capabilities, ", ")
}

// sizeOf returns the size of a file for people, and "" for anything else.
func sizeOf(f buildkit.EntryFacts) string {
	if f.Type != "file" {
		return ""
	}
	return buildkit.Size(f.Size)
}

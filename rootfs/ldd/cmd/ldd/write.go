package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// writeText prints the output of ldd(1) without the addresses, because nothing is mapped.
func writeText(stdout, stderr io.Writer, results []result) error {
	for _, r := range results {
		if len(results) > 1 {
			fmt.Fprintf(stdout, "%s:\n", plaintext.Field(r.file))
		}
		if r.err != nil {
			fmt.Fprintf(stderr, "ldd: %s: %s\n", plaintext.Field(r.file), plaintext.Error(r.err))
		}
		if r.closure == nil && len(r.missing) == 0 {
			continue
		}
		if _, err := io.WriteString(stdout, r.text()); err != nil {
			return err
		}
	}
	return nil
}

// text returns the list of one file: name and path of each library that is loaded at the start, and at the end
// only the path of the loader.
func (r result) text() string {
	var b strings.Builder
	for _, o := range r.started() {
		if o.Name == o.Path { // asked for by its path
			fmt.Fprintf(&b, "\t%s\n", plaintext.Field(o.Path))
			continue
		}
		fmt.Fprintf(&b, "\t%s => %s\n", plaintext.Field(o.Name), plaintext.Field(o.Path))
	}
	for _, m := range r.missing {
		fmt.Fprintf(&b, "\t%s => not found\n", plaintext.Field(m.Soname))
	}
	switch c := r.closure; {
	case c == nil:
	case c.Flavour == ldd.Static:
		b.WriteString("\tstatically linked\n")
	default:
		fmt.Fprintf(&b, "\t%s\n", plaintext.Field(c.Loader))
	}
	return b.String()
}

// started returns the libraries that are loaded before the program runs, without the loader.
func (r result) started() []*ldd.Object {
	if r.closure == nil {
		return nil
	}
	var list []*ldd.Object
	for _, o := range r.closure.Objects[1:] {
		if o.Opened == "" && o.Name != r.closure.Loader {
			list = append(list, o)
		}
	}
	return list
}

// fileJSON is the JSON form of a result.
type fileJSON struct {
	File        string        `json:"file"`
	Interpreter string        `json:"interpreter"` // "" when static
	Loader      string        `json:"loader"`      // "glibc", "musl" or "static"
	Machine     string        `json:"machine"`     // as in elf.h: "EM_X86_64"
	Class       string        `json:"class"`       // "ELFCLASS64"
	Objects     []objectJSON  `json:"objects"`     // in load order, the program first
	Missing     []missingJSON `json:"missing"`
	Problem     string        `json:"problem,omitempty"`
}

// objectJSON is a file that is loaded.
type objectJSON struct {
	Name     string   `json:"name"` // the name asked for
	Path     string   `json:"path"` // as the loader opens it
	Real     string   `json:"real"` // without links
	Soname   string   `json:"soname,omitempty"`
	NeededBy string   `json:"neededBy,omitempty"` // path of the object that asks first
	By       string   `json:"by"`                 // the rule that found it
	Opened   string   `json:"opened,omitempty"`   // what opens it later; "" if it is loaded at the start
	Links    []string `json:"links,omitempty"`    // "/lib -> usr/lib"
}

// missingJSON is a library that is not found.
type missingJSON struct {
	Name     string   `json:"name"`
	NeededBy string   `json:"neededBy"`
	Searched []string `json:"searched"` // places searched, in order
}

func writeJSON(w io.Writer, results []result) error {
	files := []fileJSON{}
	for _, r := range results {
		files = append(files, r.json())
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(files); err != nil {
		return err
	}
	_, err := w.Write(plaintext.JSON(text.Bytes()))
	return err
}

func (r result) json() fileJSON {
	f := fileJSON{File: r.file, Objects: []objectJSON{}, Missing: []missingJSON{}}
	if r.err != nil {
		f.Problem = r.err.Error()
	}
	for _, m := range r.missing {
		f.Missing = append(f.Missing, missingJSON{m.Soname, m.NeededBy, append([]string{}, m.Searched...)})
	}
	c := r.closure
	if c == nil {
		return f
	}
	f.Interpreter, f.Loader, f.Machine, f.Class = c.Loader, c.Flavour.String(), c.Machine.String(), c.Class.String()
	for _, o := range c.Objects {
		j := objectJSON{Name: o.Name, Path: o.Path, Real: o.Real, Soname: o.Soname, By: o.By, Opened: o.Opened}
		if o.NeededBy != nil {
			j.NeededBy = o.NeededBy.Path
		}
		for _, l := range o.Links {
			j.Links = append(j.Links, l.Path+" -> "+l.Target)
		}
		f.Objects = append(f.Objects, j)
	}
	return f
}

// Package manifest finds the images of a project in manifests of Kubernetes, and replaces them by references. A manifest is YAML or
// JSON. An image is any string in it that begins with one of the schemes; the place of the string means nothing. All other bytes of
// the text stay.
package manifest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// The schemes that a string begins with, if it is an image of the project.
const (
	ByName    = "fromscratch://" // the name of the image comes next
	ByProgram = "ko://"          // the import path of its program comes next, as in manifests for ko
)

// File is a file with manifests.
type File struct {
	Path     string // as the user named it; "-" is the input
	Text     []byte
	Mentions []Mention // in the order of the text

	nodes []node
}

// Mention is a string that names an image.
type Mention struct {
	Image string // with its scheme: "fromscratch://web"
	Line  int    // where it begins; the first line is 1
}

// node is a node of a document: a value, a key, or the begin of a mapping or a sequence.
type node struct {
	shape string // everything but the value: a replacement must not change it
	value string
	image string // the value without spaces around, if it names an image; else ""
	span
}

// span is where the text of a value is.
type span struct {
	start, end    int    // in bytes; end is 0 if it was not found
	before, after string // what must be around a reference in this place
}

// Parse reads the text of a file. The path is for errors.
func Parse(path string, text []byte) (File, error) {
	f := File{Path: path, Text: text}
	var err error
	if f.nodes, err = read(text); err != nil {
		return File{}, fmt.Errorf("reading the manifests in %q: %w\nfix: write them as YAML or JSON; render a template first, and give it with -f -", path, err)
	}
	for _, n := range f.nodes {
		if n.image != "" {
			f.Mentions = append(f.Mentions, Mention{n.image, f.line(n)})
		}
	}
	return f, nil
}

// read returns the nodes of all documents.
func read(text []byte) ([]node, error) {
	if nodes, ok := readJSON(text); ok {
		return nodes, nil
	}
	return readYAML(text)
}

// imageOf returns a string without spaces around, if it names an image; else "".
func imageOf(value string) string {
	if !strings.HasPrefix(value, ByName) && !strings.HasPrefix(value, ByProgram) {
		return ""
	}
	return strings.TrimSpace(value)
}

// Replace returns files with a reference for each image that they mention, and the text of all, as the documents of one. It checks that
// these are the documents of before with the references, and fails otherwise.
func Replace(files []File, reference func(image string) string) (replaced []File, text []byte, err error) {
	for _, f := range files {
		if f, err = f.replace(reference); err != nil {
			return nil, nil, err
		}
		replaced = append(replaced, f)
	}
	text, err = join(replaced)
	return replaced, text, err
}

func (f File) replace(reference func(image string) string) (File, error) {
	var text bytes.Buffer
	at := 0
	want := slices.Clone(f.nodes)
	for i, n := range f.nodes {
		if n.image == "" {
			continue
		}
		if n.end == 0 {
			return File{}, f.unusual(n)
		}
		want[i].value = reference(n.image)
		text.Write(f.Text[at:n.start])
		text.WriteString(n.quoted(want[i].value))
		at = n.end
	}
	text.Write(f.Text[at:])
	got, err := read(text.Bytes())
	if err != nil || len(got) != len(want) {
		return File{}, f.unusual(f.nodes...)
	}
	for i := range want {
		if !same(got[i], want[i]) {
			return File{}, f.unusual(f.nodes[i:]...)
		}
	}
	return File{Path: f.Path, Text: text.Bytes(), nodes: got}, nil
}

// same reports whether two nodes differ only in how they are written.
func same(a, b node) bool { return a.shape == b.shape && a.value == b.value }

// quoted returns a reference as it is written in the place of a value. A host that is an IPv6 address begins with a bracket, which
// would begin a sequence.
func (s span) quoted(reference string) string {
	if s.before == "" && strings.HasPrefix(reference, "[") {
		s.before, s.after = `"`, `"`
	}
	return s.before + reference + s.after
}

// unusual is the error for an image that cannot be replaced, the first of the nodes.
func (f File) unusual(nodes ...node) error {
	i := max(0, slices.IndexFunc(nodes, func(n node) bool { return n.image != "" }))
	return fmt.Errorf("%s:%d: the image %q is written in a way that cannot be replaced\nfix: write it on one line, in double quotes", f.Path, f.line(nodes[i]), nodes[i].image)
}

// line returns the line of a node; the first is 1.
func (f File) line(n node) int { return 1 + bytes.Count(f.Text[:n.start], []byte("\n")) }

// join puts the texts of files one after another. Several are YAML together: kubectl reads all of its input as JSON if it begins as JSON
// does, and fails at what separates the files
// (https://github.com/kubernetes/apimachinery/blob/v0.32.4/pkg/util/yaml/decoder.go, YAMLOrJSONDecoder).
func join(files []File) ([]byte, error) {
	if len(files) == 1 {
		return files[0].Text, nil
	}
	var text bytes.Buffer
	for i, f := range files {
		if _, err := readYAML(f.Text); err != nil {
			return nil, fmt.Errorf("joining the manifests in %q with others, as YAML: they are JSON that is no YAML: %w\nfix: give this file alone", f.Path, err)
		}
		switch {
		case i > 0 && beginsWithDirective(f.Text):
			text.WriteString("...\n") // a directive comes after the end of a document
		case i > 0 || bytes.HasPrefix(bytes.TrimSpace(f.Text), []byte("{")):
			text.WriteString("---\n")
		}
		text.Write(f.Text)
		if i == len(files)-1 || len(f.Text) == 0 || bytes.HasSuffix(f.Text, []byte("\n")) {
			continue
		}
		text.WriteByte('\n')
		if ended, err := read(append(slices.Clip(f.Text), '\n')); err != nil || !slices.EqualFunc(ended, f.nodes, same) {
			return nil, fmt.Errorf("joining the manifests in %q with those in %q: the last text would get a line break, which the file does not have\nfix: end the file with a line break, or write |- instead of | before the text", f.Path, files[i+1].Path)
		}
	}
	return text.Bytes(), nil
}

// beginsWithDirective reports whether a text begins with a directive of YAML, like %YAML 1.2.
func beginsWithDirective(text []byte) bool {
	for _, line := range bytes.Split(text, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return line[0] == '%'
		}
	}
	return false
}

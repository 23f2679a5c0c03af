package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// readYAML returns the nodes of a text that is YAML.
func readYAML(text []byte) (nodes []node, err error) {
	var lines [][]byte // of the text, if they are needed
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var doc yaml.Node
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return nodes, nil
		}
		if err != nil {
			return nil, err
		}
		walk(&doc, func(y *yaml.Node) {
			n := node{shape: fmt.Sprintf("%d %s %q %d", y.Kind, y.Tag, y.Anchor, len(y.Content)), value: y.Value}
			if y.Kind == yaml.ScalarNode && y.ShortTag() == "!!str" {
				n.image = imageOf(y.Value)
			}
			if n.image != "" {
				if lines == nil {
					lines = linesOf(text)
				}
				n.span = locate(text, position(lines, y.Line, y.Column), n.image)
			}
			nodes = append(nodes, n)
		})
	}
}

// walk calls do with a node and all below it, in the order of the text. What an alias stands for is only where its anchor is.
func walk(n *yaml.Node, do func(*yaml.Node)) {
	do(n)
	for _, c := range n.Content {
		walk(c, do)
	}
}

// breaks are the line breaks of YAML 1.1 (https://yaml.org/spec/1.1/#id868524), which the library counts lines by.
var breaks = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

// linesOf returns the lines of a text, with their breaks. A byte order mark counts for no column.
func linesOf(text []byte) (lines [][]byte) {
	begin := 0
	for _, at := range breaks.FindAllIndex(text, -1) {
		lines = append(lines, text[begin:at[1]])
		begin = at[1]
	}
	return append(lines, text[begin:])
}

// byteOrderMark may begin a text (https://yaml.org/spec/1.1/#id868742).
var byteOrderMark = []byte("\ufeff")

// position returns the byte at a line and a column. Both begin with 1, and a column is a character.
func position(lines [][]byte, line, column int) int {
	at := 0
	for i, text := range lines {
		if i < line-1 {
			at += len(text)
			continue
		}
		if i == 0 && bytes.HasPrefix(text, byteOrderMark) {
			at, text = len(byteOrderMark), text[len(byteOrderMark):]
		}
		for ; column > 1 && len(text) > 0; column-- {
			_, size := utf8.DecodeRune(text)
			at, text = at+size, text[size:]
		}
		break
	}
	return at
}

var (
	// properties match what may come before a value: its anchor, its tag, and what separates them from it, also comments.
	properties = regexp.MustCompile(`^(?:[&!][^\s]*(?:\s+#[^\r\n]*|\s)*)*`)
	// quotes match a value in quotes.
	quotes = regexp.MustCompile(`^(?:"(?s:[^"\\]|\\.)*"|'(?:[^']|'')*')`)
	// block matches the header of a block scalar, with its comment, and the spaces of its first line.
	block = regexp.MustCompile(`^[|>][-+0-9]*((?:[ \t]+#[^\r\n]*)?)[ \t]*(?:\r\n|\r|\n)[ \t]*`)
)

// locate returns where the text of a value is. It begins at a byte, or after properties there. Of a block scalar the value has one
// line. Such a one becomes a value in quotes, because a block scalar ends with a line break, which no reference has.
func locate(text []byte, at int, image string) span {
	at += len(properties.Find(text[at:]))
	rest := text[at:]
	s := span{start: at}
	switch {
	case bytes.HasPrefix(rest, []byte(image)):
		s.end = at + len(image)
	case quotes.Match(rest):
		s.end = at + len(quotes.Find(rest))
		s.before, s.after = string(rest[:1]), string(rest[:1])
	default:
		header := block.FindSubmatch(rest)
		if header == nil || !bytes.HasPrefix(rest[len(header[0]):], []byte(image)) {
			break
		}
		s.end = at + len(header[0]) + len(image)
		s.before, s.after = `"`, `"`+string(header[1])
	}
	return s
}

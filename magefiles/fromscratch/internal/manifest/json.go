package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// readJSON returns the nodes of a text that is JSON, one value or several. ok is false for any other text, like YAML that begins as
// JSON does. YAML has no pairs of surrogates ("\ud83d\ude80"), which JSON may have.
func readJSON(text []byte) (nodes []node, ok bool) {
	if begin := bytes.TrimLeft(text, " \t\r\n"); len(begin) == 0 || begin[0] != '{' && begin[0] != '[' {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for depth := 0; ; {
		from := d.InputOffset()
		token, err := d.Token()
		if errors.Is(err, io.EOF) && depth == 0 {
			return nodes, true
		}
		if err != nil {
			return nil, false
		}
		n := node{shape: fmt.Sprintf("%T", token), value: fmt.Sprint(token)}
		switch token := token.(type) {
		case json.Delim:
			if depth--; token == '{' || token == '[' {
				depth += 2
			}
		case string:
			n.image = imageOf(token)
			quote := bytes.IndexByte(text[from:], '"') // after a comma or a colon
			n.span = span{start: int(from) + quote, end: int(d.InputOffset()), before: `"`, after: `"`}
		}
		nodes = append(nodes, n)
	}
}

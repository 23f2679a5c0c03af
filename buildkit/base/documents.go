package base

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// maxDocument bounds a manifest, an index and a configuration, in bytes, as registries do.
const maxDocument = 4 << 20

// maxParts bounds the commas of a document. Every element of a list becomes a value of a hundred bytes and more, though it
// may be written with one. A layout of ten thousand images has fewer.
const maxParts = 100_000

// plainDocument refuses a document that would need much more memory than it has bytes.
func plainDocument(text []byte) error {
	if n := bytes.Count(text, []byte(",")); n > maxParts {
		return fmt.Errorf("the document has too many parts (%d)", n)
	}
	return nil
}

// What is shown of names in a document: so many of them, and so many bytes of each.
const maxShown, maxShownName = 10, 200

// listed are names as an error shows them.
func listed(names []string) string {
	names = slices.Clone(names)
	more := ""
	if n := len(names) - maxShown; n > 0 {
		names, more = names[:maxShown], fmt.Sprintf(" and %d more", n)
	}
	for i, name := range names {
		if len(name) > maxShownName {
			names[i] = strings.ToValidUTF8(name[:maxShownName], "") + "…"
		}
	}
	return strings.Join(names, ", ") + more
}

package base

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// maxDocument bounds a manifest, an index and a configuration, in bytes. Registries have the same limit.
const maxDocument = 4 << 20

// maxParts bounds the commas in a document. A list element of one byte becomes a value of over a hundred bytes in memory. A
// layout of ten thousand images has fewer commas.
const maxParts = 100_000

// plainDocument refuses a document that would need much more memory than its size.
func plainDocument(text []byte) error {
	if n := bytes.Count(text, []byte(",")); n > maxParts {
		return fmt.Errorf("the document has too many parts (%d)", n)
	}
	return nil
}

// maxShown and maxShownName limit how many names of a document an error shows, and how many bytes of each.
const maxShown, maxShownName = 10, 200

// listed returns names for an error.
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

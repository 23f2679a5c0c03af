package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"go/parser"
	"go/token"
	"os"
)

// HeaderSum returns a checksum of the part of a Go file that go list depends on:
// everything up to the end of the imports, with build constraints and the preamble of
// cgo, and the directives after that, such as //go:embed. A change that keeps the sum
// only matters to the compiler. ok is false for a file that is not Go.
func HeaderSum(name string) (sum string, ok bool) {
	content, err := os.ReadFile(name)
	if err != nil {
		return "", false
	}
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, name, content, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return "", false
	}
	end := files.Position(f.Name.End()).Offset
	for _, d := range f.Decls {
		end = max(end, files.Position(d.End()).Offset)
	}
	h := sha256.New()
	h.Write(content[:end])
	for _, line := range bytes.Split(content[end:], []byte("\n")) {
		if line = bytes.TrimSpace(line); bytes.HasPrefix(line, []byte("//go:")) {
			h.Write(append(line, '\n'))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), true
}

package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"go/parser"
	"go/token"
	"os"
)

// HeaderSum is a checksum of the part of a Go file that decides what go list says
// of its package: all up to the end of the imports, with the build constraints and
// what cgo is told, and the directives behind that, //go:embed among them. Of two
// files with one sum, only what the compiler makes of them differs. ok is false for
// a file that is not Go.
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

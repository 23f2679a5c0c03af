package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// MageFile is the name of the file that mage writes beside a magefile at each run, to compile it.
const MageFile = "mage_output_file.go"

// Headers returns the [HeaderSum] of each Go file of a program that may change, by path.
func Headers(main gobuild.Main) map[string]string {
	headers := map[string]string{}
	for _, dir := range main.Sources.Folders {
		names, err := filepath.Glob(filepath.Join(fsx.QuoteGlob(dir), "*.go"))
		if err != nil {
			continue // a file without a sum counts as one with other imports
		}
		for _, name := range names {
			if sum, ok := HeaderSum(name); ok && filepath.Base(name) != MageFile {
				headers[name] = sum
			}
		}
	}
	return headers
}

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

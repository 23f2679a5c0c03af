package sbom

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Identifiers of elements that a document has only once.
const (
	imageID     = "Image"
	baseID      = "Base"
	programID   = "Program"
	toolchainID = "Go-toolchain"
	stdlibID    = "Go-stdlib"
)

// elementID returns an identifier that both formats accept: letters, digits, dots and dashes. words are for people, and
// a checksum of exact separates elements with equal words.
func elementID(kind, words, exact string) string {
	sum := sha256.Sum256([]byte(exact))
	return fmt.Sprintf("%s-%s-%x", kind, strings.Trim(notInRef.ReplaceAllString(words, "-"), "-"), sum[:4])
}

func (f File) id() string { return elementID("File", f.Path, f.Path) }

func (m module) id() string {
	return elementID("Go", m.From+"-"+m.Version, m.Path+" "+m.From+"@"+m.Version)
}

func (p Package) id() string {
	return elementID("Package", p.Name+"-"+p.Version, strings.Join([]string{p.Kind, p.Distro.name(), p.Name, p.Version, p.Arch}, " "))
}

// edge is a dependency: from needs to.
type edge struct{ from, to string }

// parts returns, by path, the identifier of what the file belongs to: the program, a package, or the file itself.
func (s Subject) parts() map[string]string {
	parts := map[string]string{s.Program.Path: programID}
	for _, p := range s.Packages {
		for _, f := range p.Files {
			parts[f.Path] = p.id()
		}
	}
	for _, f := range s.Files {
		parts[f.Path] = f.id()
	}
	return parts
}

// allFiles returns the files of the image and the program, by path.
func (s Subject) allFiles() []File {
	files := []File{s.Program.File}
	for _, p := range s.Packages {
		files = append(files, p.Files...)
	}
	return sortedFiles(append(files, s.Files...))
}

// partEdges returns the links between files as edges between the parts that they belong to.
func (s Subject) partEdges() []edge {
	parts := s.parts()
	var edges []edge
	for _, f := range s.allFiles() {
		for _, to := range f.Links {
			if a, b := parts[f.Path], parts[to]; b != "" && a != b {
				edges = append(edges, edge{a, b})
			}
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return strings.Compare(a.from+" "+a.to, b.from+" "+b.to) })
	return slices.Compact(edges)
}

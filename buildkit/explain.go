package buildkit

import (
	"fmt"
	"io/fs"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// Explanation is what is in an image, and why. Its JSON is for other programs: fields
// may be added, none is renamed.
type Explanation struct {
	Image     string `json:"image"`     // name
	Reference string `json:"reference"` // repository:tag
	Platform  string `json:"platform"`  // os/arch[/variant]
	Size      int64  `json:"size"`      // of all layers, uncompressed, in bytes
	// Base is the image under this one, by its name in the Config, and the part of Size
	// that it is. Its files are not in Entries, but for libraries that the program loads.
	Base     string `json:"base,omitempty"`
	BaseSize int64  `json:"baseSize,omitempty"`

	Layers  []LayerFacts `json:"layers"`  // lowest first
	Entries []EntryFacts `json:"entries"` // sorted by path

	// Candidates are libraries that the image may need too and does not have:
	// nothing but a name in a file speaks for them.
	Candidates []Candidate `json:"candidates"`
	// Notes are what a person should know: what was left out, what will not work.
	Notes []string `json:"notes"`
}

// LayerFacts describe a layer.
type LayerFacts struct {
	DiffID string `json:"diffID"`
	What   string `json:"what"`
	Size   int64  `json:"size"` // bytes, uncompressed
}

// EntryFacts describe a path of an image.
type EntryFacts struct {
	Path   string `json:"path"`
	Type   string `json:"type"` // "file", "folder" or "link"
	Mode   string `json:"mode"` // octal, "0755"
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
	Size   int64  `json:"size,omitempty"` // of a file, in bytes
	Target string `json:"target,omitempty"`
	Layer  string `json:"layer"`            // "system", "files", "program", or "base" of a library that the base has
	Reason string `json:"reason"`           // why it is here
	For    string `json:"for,omitempty"`    // path of what it is here for
	Source string `json:"source,omitempty"` // where a file's bytes come from
}

// Candidate is a library that a program may open while it runs, or may not.
type Candidate = libraries.Candidate

// Explain says what is in the image, and why.
func (b *Built) Explain() Explanation {
	x := Explanation{
		Image: b.Plan.Name, Reference: b.Plan.Reference, Platform: b.Plan.Platform.String(),
		Candidates: append([]Candidate{}, b.Candidates...), Notes: append([]string{}, b.notes...),
	}
	for _, l := range b.Image.Layers {
		x.Size += l.Size
		x.Layers = append(x.Layers, LayerFacts{l.DiffID.String(), l.CreatedBy, l.Size})
	}
	for _, e := range b.Tree.Entries() {
		x.Entries = append(x.Entries, factsOf(e))
	}
	if b.Plan.Base != nil {
		x.Base, x.BaseSize = b.Plan.BaseName, b.sizeOfBase()
	}
	x.Entries = b.withBase(x.Entries)
	return x
}

// Chain explains one path: facts from what is there for the image as a whole, the
// program mostly, down to the path. One that is not in the image is [fs.ErrNotExist].
func (b *Built) Chain(path string) ([]EntryFacts, error) {
	if chain := b.baseChain(path); chain != nil {
		return chain, nil
	}
	entries, err := b.Tree.Chain(path)
	var chain []EntryFacts
	for _, e := range entries {
		chain = append(chain, factsOf(e))
	}
	return chain, err
}

func factsOf(e rootfs.Entry) EntryFacts {
	h := e.Header()
	f := EntryFacts{
		Path: e.Path, Type: "file", Mode: fmt.Sprintf("%04o", h.Mode), UID: e.UID, GID: e.GID,
		Layer: e.Layer.String(), Reason: e.Reason, For: e.For,
	}
	switch e.Mode.Type() {
	case fs.ModeDir:
		f.Type = "folder"
	case fs.ModeSymlink:
		f.Type, f.Target = "link", e.Link
	default:
		f.Size, f.Source = e.Size, e.Source.String()
	}
	return f
}

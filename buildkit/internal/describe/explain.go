// Package describe says what is in a finished image and why, and where the image comes from: explanations, bills of materials, the
// provenance and annotations. It takes the image as a [result.Result] and a report for warnings. It returns values, and writes the
// documents beside the image.
package describe

import (
	"fmt"
	"io/fs"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// Explanation says what is in an image, and why. Its JSON is for other programs: fields may be added, none is renamed.
type Explanation struct {
	Image     string `json:"image"`     // name
	Reference string `json:"reference"` // repository:tag
	Platform  string `json:"platform"`  // os/arch[/variant]
	Size      int64  `json:"size"`      // of all layers, uncompressed, in bytes
	// Base is the base image, by its name in the Config, and BaseSize is its part of Size. Of its files, Entries only has the
	// libraries that the program loads, and the folders above them.
	Base     string `json:"base,omitempty"`
	BaseSize int64  `json:"baseSize,omitempty"`

	Layers  []LayerFacts `json:"layers"`  // lowest first
	Entries []EntryFacts `json:"entries"` // sorted by path

	// Candidates are libraries that the image may need too and does not have: a file has the name of each, which proves nothing.
	Candidates []libraries.Candidate `json:"candidates"`
	// Notes say what a person should know: what was left out, what will not work.
	Notes []string `json:"notes"`
}

// LayerFacts describes a layer.
type LayerFacts struct {
	DiffID string `json:"diffID"`
	What   string `json:"what"`
	Size   int64  `json:"size"` // bytes, uncompressed
}

// EntryFacts describes a path of an image.
type EntryFacts struct {
	Path   string `json:"path"`
	Type   string `json:"type"` // "file", "folder" or "link"
	Mode   string `json:"mode"` // octal, "0755"
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
	Size   int64  `json:"size,omitempty"` // of a file, in bytes
	Target string `json:"target,omitempty"`
	Layer  string `json:"layer"`            // "system", "files" or "program"; "base" for a file of the base
	Reason string `json:"reason"`           // why it is here
	For    string `json:"for,omitempty"`    // path of what it is here for
	Source string `json:"source,omitempty"` // where a file's bytes come from

	Capabilities []string `json:"capabilities,omitempty"` // of a program's file: "cap_net_bind_service"
}

// Explain returns what is in an image, and why.
func Explain(r result.Result) Explanation {
	x := Explanation{
		Image: r.Plan.Name, Reference: r.Plan.Reference, Platform: r.Plan.Platform.String(), Size: size(r.Image.Layers),
		Candidates: append([]libraries.Candidate{}, r.Libraries.Candidates...), Notes: append([]string{}, r.Notes...),
	}
	for _, l := range r.Image.Layers {
		x.Layers = append(x.Layers, LayerFacts{l.DiffID.String(), l.CreatedBy, l.Size})
	}
	for _, e := range r.Tree.Entries() {
		x.Entries = append(x.Entries, factsOf(e))
	}
	if r.Plan.Base != nil {
		x.Base, x.BaseSize = r.Plan.BaseName, size(r.Plan.Base.Image.Layers)
		x.Entries = withBase(r, x.Entries)
	}
	return x
}

// size returns the size of layers in bytes, uncompressed.
func size(layers []*image.Layer) (n int64) {
	for _, l := range layers {
		n += l.Size
	}
	return n
}

// Chain explains one path. It returns facts about what the image needs as a whole, mostly the program, then about what that needs, and
// so on down to the path. For a path that is not in the image the error is [fs.ErrNotExist].
func Chain(r result.Result, path string) ([]EntryFacts, error) {
	if chain := baseChain(r, path); chain != nil {
		return chain, nil
	}
	entries, err := r.Tree.Chain(path)
	var chain []EntryFacts
	for _, e := range entries {
		f := factsOf(e)
		if _, ok := r.Tree.OfBase(e.Path); ok {
			f.Layer = baseLayer
		}
		chain = append(chain, f)
	}
	return chain, err
}

func factsOf(e rootfs.Entry) EntryFacts {
	h := e.Header()
	f := EntryFacts{
		Path: e.Path, Type: "file", Mode: fmt.Sprintf("%04o", h.Mode), UID: e.UID, GID: e.GID, Capabilities: e.Capabilities.Names(),
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

package describe

import (
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// baseLayer is the layer of files of the base, for people.
const baseLayer = "base"

// withBase adds facts about the libraries that the program loads from the base, and about the folders above them.
func withBase(r result.Result, entries []EntryFacts) []EntryFacts {
	known := map[string]bool{"/": true}
	for _, e := range entries {
		known[e.Path] = true
	}
	for _, o := range r.Libraries.Objects {
		f, ok := inBase(r, o)
		if !ok || known[o.Real] {
			continue
		}
		entries, known[o.Real] = append(entries, f), true
		for dir := path.Dir(o.Real); !known[dir]; dir = path.Dir(dir) {
			if e, ok := r.Tree.OfBase(dir); ok {
				f := factsOf(e)
				f.Layer, f.Reason = baseLayer, "parent folder"
				entries, known[dir] = append(entries, f), true
			}
		}
	}
	slices.SortFunc(entries, func(a, b EntryFacts) int { return strings.Compare(a.Path, b.Path) })
	return entries
}

// inBase returns the facts about a library of the base. ok is false for the program and for other libraries.
func inBase(r result.Result, o libraries.Object) (f EntryFacts, ok bool) {
	e, ok := r.Tree.OfBase(o.Real)
	if !ok {
		return f, false
	}
	f = factsOf(e)
	by := r.Plan.Program()
	if o.NeededBy >= 0 {
		by = r.Libraries.Objects[o.NeededBy].Path
		f.For = by
	}
	f.Layer, f.Reason = baseLayer, plaintext.Sprintf("needed by %s (%s), %s", by, o.By, e.Reason)
	return f, true
}

// baseChain is [Chain] for a library of the base: the program, what needs what, and the library. It is nil for every other path.
func baseChain(r result.Result, p string) []EntryFacts {
	e, ok := r.Tree.OfBase(p)
	if !ok {
		return nil
	}
	var chain []EntryFacts
	seen := map[int]bool{}
	for i := r.Libraries.Real(e.Path); i >= 0 && !seen[i]; i = r.Libraries.Objects[i].NeededBy {
		seen[i] = true
		o := r.Libraries.Objects[i]
		f, ok := inBase(r, o)
		if !ok {
			own, found := r.Tree.Lookup(o.Real)
			if !found {
				continue
			}
			f = factsOf(own)
		}
		chain = append([]EntryFacts{f}, chain...)
	}
	return chain
}

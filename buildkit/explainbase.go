package buildkit

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// withBase adds to the facts about entries those of the libraries that the program loads
// from the base, and of the folders above them.
func (b *Built) withBase(entries []EntryFacts) []EntryFacts {
	if b.Plan.Base == nil || b.Closure == nil {
		return entries
	}
	known := map[string]bool{"/": true}
	for _, e := range entries {
		known[e.Path] = true
	}
	for _, o := range b.Closure.Objects[1:] {
		e, ok := b.Tree.OfBase(o.Real)
		if !ok || known[o.Real] {
			continue
		}
		f := factsOf(e)
		f.Layer, f.Reason = baseLayer, plaintext.Sprintf("%s, %s", b.neededBy(o), e.Reason)
		if o.NeededBy != nil {
			f.For = b.inImage(o.NeededBy.Path)
		}
		entries, known[o.Real] = append(entries, f), true
		for dir := path.Dir(o.Real); !known[dir]; dir = path.Dir(dir) {
			if e, ok := b.Tree.OfBase(dir); ok {
				f := factsOf(e)
				f.Layer, f.Reason = baseLayer, "parent folder"
				entries, known[dir] = append(entries, f), true
			}
		}
	}
	slices.SortFunc(entries, func(a, b EntryFacts) int { return strings.Compare(a.Path, b.Path) })
	return entries
}

// baseLayer is the layer of what the base has, for people.
const baseLayer = "base"

// neededBy says why a library is loaded.
func (b *Built) neededBy(o *ldd.Object) string {
	by := b.Plan.Program()
	if o.NeededBy != nil && o.NeededBy != b.Closure.Program() {
		by = o.NeededBy.Path
	}
	return plaintext.Sprintf("needed by %s (%s)", by, o.By)
}

// librariesFrom says where the libraries of a closure are from.
func (b *Built) librariesFrom() string {
	if b.Plan.Base == nil {
		return b.where()
	}
	n := 0
	for _, o := range b.Closure.Objects[1:] {
		if _, ok := b.inBase(o); ok {
			n++
		}
	}
	return plaintext.Sprintf("%s, %d of them of the base", b.where(), n)
}

// inBase is the file of the base that a library is.
func (b *Built) inBase(o *ldd.Object) (info fs.FileInfo, ok bool) {
	if b.Plan.Base == nil {
		return nil, false
	}
	info, err := b.Plan.Base.FS.Lstat(strings.TrimPrefix(o.Real, "/"))
	return info, err == nil
}

// baseChain explains a library of the base: the program, what needs what, and the library;
// nil for everything else.
func (b *Built) baseChain(p string) []EntryFacts {
	e, ok := b.Tree.OfBase(p)
	if !ok || b.Closure == nil {
		return nil
	}
	i := slices.IndexFunc(b.Closure.Objects, func(o *ldd.Object) bool { return o.Real == e.Path })
	if i < 1 {
		return nil
	}
	var chain []EntryFacts
	seen := map[*ldd.Object]bool{}
	for o := b.Closure.Objects[i]; o != nil && !seen[o]; o = o.NeededBy {
		seen[o] = true
		at := o.Real
		if o == b.Closure.Program() {
			at = b.Plan.Program()
		}
		facts := b.withBase(nil)
		if e, ok := b.Tree.Lookup(at); ok {
			facts = append(facts, factsOf(e))
		}
		for _, f := range facts {
			if f.Path == at {
				chain = append([]EntryFacts{f}, chain...)
				break
			}
		}
	}
	return chain
}

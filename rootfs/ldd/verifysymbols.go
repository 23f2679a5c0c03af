package ldd

import (
	"fmt"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// checkSymbols returns an error for missing symbols. If only a try misses symbols, it adds one warning per
// object, because the program may never load it or call the function.
func (v *verifier) checkSymbols() error {
	var needed, tried []missingSymbol
	missing, err := v.missingSymbols()
	if err != nil {
		return err
	}
	for _, m := range missing {
		if v.closure.tries[m.by.Opened] {
			tried = append(tried, m)
		} else {
			needed = append(needed, m)
		}
	}
	for len(tried) > 0 {
		n := 1 // they are grouped by object
		for n < len(tried) && tried[n].by == tried[0].by {
			n++
		}
		text := tried[0].text()
		if n > 1 {
			text += fmt.Sprintf(", and so are %d more that it asks for", n-1)
		}
		v.warn(text)
		tried = tried[n:]
	}
	return listError(needed, missingSymbol.text, "use the libraries of the release that the program was linked with, or link it with the library that defines the symbol")
}

// missingSymbol is a symbol that by refers to.
type missingSymbol struct {
	elf.Symbol
	by *checkedObject
}

// text says which symbol is missing and which object refers to it.
func (m missingSymbol) text() string {
	return fmt.Sprintf("symbol %s of %q is defined nowhere", m.by.label(m.Symbol), m.by.Path)
}

// maxSteps limits the steps in which all symbols of a program are looked up. The largest programs take some hundred
// million.
const maxSteps = 1 << 30

// missingSymbols returns the symbols that relocations ask for and that no object defines.
func (v *verifier) missingSymbols() ([]missingSymbol, error) {
	var missing []missingSymbol
	for i, o := range v.objects {
		if v.closure.Loader != "" && i == 1 {
			continue // the loader relocates itself
		}
		for _, index := range o.bound {
			s, ok := o.table.Symbol(index)
			if !ok || s.Name == "" || !s.IsReference() {
				continue
			}
			if v.steps > maxSteps {
				return nil, fmt.Errorf("looking the symbols of %q up takes too long: libraries have long rows of symbols in their hash tables\nfix: link them again, with -Wl,-O1", o.Path)
			}
			if !v.isDefined(i, s) {
				missing = append(missing, missingSymbol{s, o})
			}
		}
	}
	return missing, nil
}

// label returns the name of a symbol with its version: "stat@GLIBC_2.33".
func (o *checkedObject) label(s elf.Symbol) string {
	const most = 256 // characters that a person reads
	name := s.Name[:min(len(s.Name), most)]
	if n, ok := o.wanted[s.Version]; ok {
		return name + "@" + n.Name[:min(len(n.Name), most)]
	}
	return name
}

// isDefined looks up a symbol of object i in everything that is loaded at the start. If the object is opened
// later, it also searches the opened library and its dependencies (RTLD_LOCAL, the default of dlopen).
func (v *verifier) isDefined(i int, s elf.Symbol) bool {
	o := v.objects[i]
	if v.isProvided(v.objects[:v.closure.started], o, s) {
		return true
	}
	return i >= v.closure.started && v.isProvided(v.scope(o.Opened), o, s)
}

// scope returns the object that was opened by a name and all its dependencies, even those that were loaded
// before.
func (v *verifier) scope(opened string) []*checkedObject {
	if scope, ok := v.scopes[opened]; ok {
		return scope
	}
	have := map[string]*checkedObject{}
	for _, o := range v.objects {
		have[o.Real] = o
	}
	var scope []*checkedObject
	seen := map[*Object]bool{}
	for list := []*Object{v.closure.entries[opened]}; len(list) > 0; list = list[1:] {
		o := list[0]
		if o == nil || seen[o] {
			continue
		}
		seen[o] = true
		if x := have[o.Real]; x != nil {
			scope = append(scope, x)
		}
		list = append(list, o.needs...)
	}
	v.scopes[opened] = scope
	return scope
}

// isProvided reports whether one of the objects defines a symbol that o refers to.
func (v *verifier) isProvided(by []*checkedObject, o *checkedObject, s elf.Symbol) bool {
	need, versioned := o.wanted[s.Version]
	for _, lib := range by {
		found, steps := lib.table.Find(s.Name)
		v.steps += 1 + steps
		for _, d := range found {
			if v.closure.Flavour == Musl || lib.matches(d, need.Name, versioned) {
				return true
			}
		}
	}
	return false
}

// matches is the version check of check_match in glibc's elf/dl-lookup.c.
func (o *checkedObject) matches(d elf.Symbol, version string, versioned bool) bool {
	if o.defs == nil || !o.table.HasVersions() {
		return true // an object without versions matches any
	}
	if versioned {
		// An unversioned default symbol of an object with versions matches any version.
		return o.defs[d.Version] == version || d.Version <= 1 && !d.Hidden
	}
	// A reference without a version matches the base definition or a default one.
	return d.Version < 3 || !d.Hidden
}

package ldd

import (
	"debug/elf"
	"fmt"
)

// symbols is missingSymbols as an error. What only a try misses is a warning: whether the program ever
// loads it, and into what, is not known.
func (v *verifier) symbols() error {
	var lines []string
	for _, m := range v.missingSymbols() {
		text := fmt.Sprintf("symbol %s of %q is defined nowhere", m.by.label(m.symbol), m.by.Path)
		if v.closure.tries[m.by.Opened] {
			v.warn(text)
			continue
		}
		lines = append(lines, text)
	}
	return problem(lines, "use the libraries of the release that the program was linked with, or link it with the library that defines the symbol")
}

// missingSymbol is a symbol that by refers to.
type missingSymbol struct {
	symbol
	by *verified
}

// missingSymbols returns the symbols that relocations ask for and that no object defines.
func (v *verifier) missingSymbols() []missingSymbol {
	var missing []missingSymbol
	for i, o := range v.objects {
		if v.closure.Loader != "" && i == 1 {
			continue // relocates itself
		}
		for _, index := range o.bound {
			s, ok := o.table.symbol(index)
			// A weak symbol may stay undefined, and a local one is the object's own affair.
			if !ok || s.name == "" || s.shndx != elf.SHN_UNDEF || elf.SymBind(s.info>>4) != elf.STB_GLOBAL {
				continue
			}
			if !v.defined(i, s) {
				missing = append(missing, missingSymbol{s, o})
			}
		}
	}
	return missing
}

// label names a symbol with its version: "stat@GLIBC_2.33".
func (o *verified) label(s symbol) string {
	if n, ok := o.wanted[s.version]; ok {
		return s.name + "@" + n.name
	}
	return s.name
}

// defined looks a symbol of object number i up: what is loaded at the start sees only what is loaded at
// the start, what is opened later sees that and its own libraries.
func (v *verifier) defined(i int, s symbol) bool {
	o, scope := v.objects[i], v.objects
	if i < v.closure.started {
		scope = scope[:v.closure.started]
	}
	need, versioned := o.wanted[s.version]
	for _, lib := range scope {
		for _, d := range lib.table.find(s.name) {
			if v.closure.Flavour == Musl || lib.matches(d, need.name, versioned) {
				return true
			}
		}
	}
	return false
}

// matches is the version half of check_match in glibc's elf/dl-lookup.c.
func (o *verified) matches(d symbol, version string, versioned bool) bool {
	if o.defs == nil || o.table.versym == nil {
		return true // an object without versions satisfies any
	}
	if versioned {
		// The unversioned default of an object that has versions satisfies references to any.
		return o.defs[d.version] == version || d.version <= 1 && !d.hidden
	}
	// Without a version the base definition is meant, or a default one.
	return d.version < 3 || !d.hidden
}

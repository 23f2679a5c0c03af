package elf

import (
	"debug/elf"
	"errors"
)

// Imports returns those of the wanted names that are undefined dynamic symbols, in the order given.
func (f *File) Imports(wanted []string) ([]string, error) {
	d, err := f.Dynamic()
	if errors.Is(err, errNoDynamic) {
		return nil, nil // a static program
	}
	if err != nil {
		return nil, err
	}
	bound, err := f.Bound(d)
	if err != nil {
		return nil, err
	}
	t, err := f.Symbols(d, bound)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, s := range wanted {
		found[s] = false
	}
	for i := range t.n {
		s, ok := t.Symbol(uint32(i))
		if _, asked := found[s.Name]; ok && asked && s.shndx == elf.SHN_UNDEF {
			found[s.Name] = true
		}
	}
	var out []string
	for _, s := range wanted {
		if found[s] {
			found[s] = false // once
			out = append(out, s)
		}
	}
	return out, nil
}

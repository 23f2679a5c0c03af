package elf

import (
	"debug/elf"
	"errors"
	"io"
)

// Needed returns the files that an ELF file names to be loaded with it: the path of its loader, PT_INTERP, if
// it has one, and then its libraries, DT_NEEDED, in the file's order. It returns nil for a file that is not ELF
// or has no dynamic section.
func Needed(r io.ReaderAt, size int64) ([]string, error) {
	f, err := Read(r, size)
	if errors.Is(err, ErrNotELF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	interp, err := f.Interp()
	if err != nil {
		return nil, err
	}
	d, err := f.Dynamic()
	if errors.Is(err, errNoDynamic) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	if interp != "" {
		names = append(names, interp)
	}
	for _, dep := range d.Deps {
		if dep.Tag == elf.DT_NEEDED {
			names = append(names, dep.Name)
		}
	}
	return names, nil
}

package ldd

import (
	"debug/elf"
	"errors"
	"io"
)

// neededBy returns the files that an ELF file names to be loaded with it: the path of its loader, PT_INTERP, if
// it has one, and then its libraries, DT_NEEDED, in the file's order. It returns nil for a file that is not ELF
// or has no dynamic section.
func neededBy(r io.ReaderAt, size int64) ([]string, error) {
	f, err := readELF(r, size)
	if errors.Is(err, ErrNotELF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	interp, err := f.interp()
	if err != nil {
		return nil, err
	}
	d, err := f.dynamic()
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
	for _, dep := range d.deps {
		if dep.tag == elf.DT_NEEDED {
			names = append(names, dep.name)
		}
	}
	return names, nil
}

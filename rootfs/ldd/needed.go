package ldd

import (
	"debug/elf"
	"errors"
	"io"
)

// Needed returns what an ELF file names to be mapped with it: the path of its loader, PT_INTERP, when it has one,
// and then the libraries that it asks for, DT_NEEDED, in the file's order. A file that is not ELF, and one without
// a dynamic section, asks for none.
func Needed(r io.ReaderAt, size int64) ([]string, error) {
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

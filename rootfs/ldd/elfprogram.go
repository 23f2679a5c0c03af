package ldd

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
)

// program is what the kernel and the loader read of a program's file.
type program struct {
	file   *elfFile
	interp string   // PT_INTERP, "" if there is none
	dyn    *dynamic // nil if the program is linked with -static and not as PIE
}

// readELFProgram reads a program, or a library that is started like one.
func readELFProgram(r io.ReaderAt, size int64) (*program, error) {
	f, err := readELF(r, size)
	if err != nil {
		return nil, err
	}
	if f.typ != elf.ET_EXEC && f.typ != elf.ET_DYN {
		return nil, fmt.Errorf("it is not a program but an ELF file of type %s", f.typ)
	}
	interp, err := f.interp()
	if err != nil {
		return nil, err
	}
	d, err := f.dynamic()
	if errors.Is(err, errNoDynamic) {
		return &program{file: f, interp: interp}, nil
	}
	if err != nil {
		return nil, err
	}
	return &program{f, interp, d}, nil
}

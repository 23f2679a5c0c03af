package elf

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
)

// Program is what the kernel and the loader read of a program's file.
type Program struct {
	File    *File
	Interp  string   // PT_INTERP, "" if there is none
	Dynamic *Dynamic // nil if the program is linked with -static and not as PIE
}

// ReadProgram reads a program, or a library that is started like one. It fails if the file is neither.
func ReadProgram(r io.ReaderAt, size int64) (*Program, error) {
	f, err := Read(r, size)
	if err != nil {
		return nil, err
	}
	if f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return nil, fmt.Errorf("it is not a program but an ELF file of type %s", f.Type)
	}
	interp, err := f.Interp()
	if err != nil {
		return nil, err
	}
	d, err := f.Dynamic()
	if errors.Is(err, errNoDynamic) {
		return &Program{File: f, Interp: interp}, nil
	}
	if err != nil {
		return nil, err
	}
	return &Program{f, interp, d}, nil
}

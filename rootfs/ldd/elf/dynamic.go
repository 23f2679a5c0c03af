package elf

import (
	"debug/elf"
	"errors"
	"fmt"
)

// Limits on the dynamic section. Real programs have about a hundred entries.
const (
	maxDynamic = 1 << 16 // entries
	maxDeps    = 1 << 12 // libraries that one object asks for
)

// errNoDynamic is glibc's message for a library without a dynamic section, for example a file of separate debug
// symbols.
var errNoDynamic = errors.New("object file has no dynamic section")

// Dynamic is what a loader reads from the dynamic section, https://gabi.xinuos.com/elf/08-dynamic.html.
type Dynamic struct {
	Deps       []Dep // in the section's order
	Soname     string
	Rpath      string
	Runpath    string
	HasRunpath bool // even an empty DT_RUNPATH disables DT_RPATH
	Flags1     elf.DynFlag1
	Audit      map[elf.DynTag]string // DT_AUDIT and DT_DEPAUDIT; nil if there are none
	Tags       map[elf.DynTag]uint64 // the last value of each tag, which the loaders use
}

// Dep is a library that an object asks for by DT_NEEDED, DT_AUXILIARY or DT_FILTER.
type Dep struct {
	Tag  elf.DynTag
	Name string
}

// Dynamic reads the dynamic section. It fails if the file has none, or more entries or longer names than any real
// file.
func (f *File) Dynamic() (*Dynamic, error) {
	off, size, err := f.dynamicRange()
	if err != nil {
		return nil, err
	}
	// Names are read last: the entry with the address of the strings may come last.
	d := &Dynamic{Tags: map[elf.DynTag]uint64{}}
	var deps []dynEntry
	for i := uint64(0); ; i++ {
		e, err := f.dynEntry(off, size, i)
		if err != nil {
			return nil, err
		}
		if e.tag == elf.DT_NULL {
			break
		}
		switch e.tag {
		case elf.DT_NEEDED, elf.DT_AUXILIARY, elf.DT_FILTER:
			if deps = append(deps, e); len(deps) > maxDeps {
				return nil, fmt.Errorf("it asks for more than %d libraries", maxDeps)
			}
		default:
			d.Tags[e.tag] = e.val
		}
	}
	return d, d.readNames(f, deps)
}

// dynamicRange returns the file range of the dynamic section. Like the loaders, it uses the section's address,
// not its offset.
func (f *File) dynamicRange() (off, size uint64, err error) {
	for _, p := range f.Progs {
		if p.Type != elf.PT_DYNAMIC {
			continue
		}
		if p.Filesz == 0 {
			return 0, 0, errNoDynamic
		}
		off, left, ok := f.offset(p.Vaddr)
		if !ok {
			return 0, 0, fmt.Errorf("dynamic section at address %#x is in no segment", p.Vaddr)
		}
		return off, min(p.Filesz, left), nil
	}
	return 0, 0, errNoDynamic
}

// dynEntry is an entry of the dynamic section, Elf32_Dyn or Elf64_Dyn.
type dynEntry struct {
	tag elf.DynTag
	val uint64
}

// dynEntry reads entry i. After the last one it returns DT_NULL.
func (f *File) dynEntry(off, size, i uint64) (dynEntry, error) {
	if i >= maxDynamic {
		return dynEntry{}, fmt.Errorf("dynamic section has more than %d entries", maxDynamic)
	}
	// Entries are read one by one, up to DT_NULL: the size in the program header may be wrong.
	width := uint64(16)
	if f.Class == elf.ELFCLASS32 {
		width = 8
	}
	if (i+1)*width > size {
		return dynEntry{tag: elf.DT_NULL}, nil
	}
	b, err := f.Bytes(off+i*width, width)
	if err != nil {
		return dynEntry{}, fmt.Errorf("dynamic section: %w", err)
	}
	if f.Class == elf.ELFCLASS32 {
		// d_tag is signed: tags of the upper half must have the same value as in the 64-bit form.
		return dynEntry{elf.DynTag(int32(f.Order.Uint32(b))), uint64(f.Order.Uint32(b[4:]))}, nil
	}
	return dynEntry{elf.DynTag(f.Order.Uint64(b)), f.Order.Uint64(b[8:])}, nil
}

// readNames reads the strings that entries point to.
func (d *Dynamic) readNames(f *File, deps []dynEntry) error {
	var err error
	str := func(val uint64) string {
		s, e := f.dynString(d, val, maxString)
		err = errors.Join(err, e)
		return s
	}
	for _, e := range deps {
		// A name is a path, or its end, and the kernel opens no path longer than maxPath.
		name, err := f.dynString(d, e.val, maxPath)
		if err != nil {
			return err
		}
		d.Deps = append(d.Deps, Dep{e.tag, name})
	}
	if v, ok := d.Tags[elf.DT_SONAME]; ok {
		d.Soname = str(v)
	}
	if v, ok := d.Tags[elf.DT_RPATH]; ok {
		d.Rpath = str(v)
	}
	if v, ok := d.Tags[elf.DT_RUNPATH]; ok {
		d.Runpath, d.HasRunpath = str(v), true
	}
	for _, tag := range []elf.DynTag{elf.DT_AUDIT, elf.DT_DEPAUDIT} {
		if v, ok := d.Tags[tag]; ok {
			if d.Audit == nil {
				d.Audit = map[elf.DynTag]string{}
			}
			d.Audit[tag] = str(v)
		}
	}
	d.Flags1 = elf.DynFlag1(d.Tags[elf.DT_FLAGS_1])
	return err
}

// dynString reads a string of at most limit bytes, with its NUL, from DT_STRTAB.
func (f *File) dynString(d *Dynamic, index, limit uint64) (string, error) {
	addr, ok := d.Tags[elf.DT_STRTAB]
	if !ok {
		return "", errors.New("dynamic section has no string table")
	}
	if n, ok := d.Tags[elf.DT_STRSZ]; ok && index >= n {
		return "", fmt.Errorf("string offset %d is outside of a table of %d bytes", index, n)
	}
	if addr+index < addr {
		return "", fmt.Errorf("string offset %d is outside of memory", index)
	}
	off, left, ok := f.offset(addr + index)
	if !ok {
		return "", fmt.Errorf("string at address %#x is in no segment", addr+index)
	}
	return f.stringAt(off, min(left, limit))
}

package elf

import (
	"debug/elf"
	"errors"
)

// maxVersions limits the lists of versions. libstdc++ and glibc have less than a hundred.
const maxVersions = 1 << 15

// VersionNeed is an entry of DT_VERNEED: a version that an object requires of a library.
type VersionNeed struct {
	File  string // as in DT_NEEDED
	Name  string // "GLIBC_2.34"
	Index uint16 // in DT_VERSYM
	Weak  bool   // VER_FLG_WEAK: a library without it is accepted
}

// Versions reads both version tables: the versions that the object requires, and the name of each of its own
// versions by index, nil if it has none. With an error of the second, it also returns the first.
func (f *File) Versions(d *Dynamic) (needs []VersionNeed, defs map[uint16]string, err error) {
	if needs, err = f.versionNeeds(d); err == nil {
		defs, err = f.versionDefs(d)
	}
	return needs, defs, err
}

// versionNeeds reads DT_VERNEED, see the Linux Standard Base, "Symbol Versioning": a list of files, each with a
// list of versions. Each entry has the distance to the next one in bytes; 0 ends a list.
//
//	Verneed: u16 version, u16 count, u32 file, u32 first Vernaux, u32 next Verneed
//	Vernaux: u32 hash, u16 flags, u16 index, u32 name, u32 next Vernaux
func (f *File) versionNeeds(d *Dynamic) ([]VersionNeed, error) {
	const weak = 2 // VER_FLG_WEAK
	var out []VersionNeed
	addr, ok := d.Tags[elf.DT_VERNEED]
	for steps := 0; ok; steps++ {
		if steps > maxVersions {
			return nil, errors.New("too many version requirements")
		}
		b, err := f.readAddr(addr, 16)
		if err != nil {
			return nil, err
		}
		file, err := f.dynString(d, uint64(f.Order.Uint32(b[4:])), maxPath)
		if err != nil {
			return nil, err
		}
		aux := addr + uint64(f.Order.Uint32(b[8:]))
		for range f.Order.Uint16(b[2:]) {
			a, err := f.readAddr(aux, 16)
			if err != nil {
				return nil, err
			}
			name, err := f.dynString(d, uint64(f.Order.Uint32(a[8:])), maxPath)
			if err != nil {
				return nil, err
			}
			out = append(out, VersionNeed{file, name, f.Order.Uint16(a[6:]) & 0x7fff, f.Order.Uint16(a[4:])&weak != 0})
			if len(out) > maxVersions {
				return nil, errors.New("too many version requirements")
			}
			aux += uint64(f.Order.Uint32(a[12:]))
		}
		next := uint64(f.Order.Uint32(b[12:]))
		addr, ok = addr+next, next != 0
	}
	return out, nil
}

// versionDefs reads DT_VERDEF: the name of each version index. It returns nil if the object has no versions at
// all. The first name of a version is its own; the others, which it replaces, are skipped.
//
//	Verdef:  u16 version, u16 flags, u16 index, u16 count, u32 hash, u32 first Verdaux, u32 next Verdef
//	Verdaux: u32 name, u32 next Verdaux
func (f *File) versionDefs(d *Dynamic) (map[uint16]string, error) {
	addr, ok := d.Tags[elf.DT_VERDEF]
	if !ok {
		return nil, nil
	}
	out := map[uint16]string{}
	for steps := 0; ok; steps++ {
		if steps > maxVersions {
			return nil, errors.New("too many version definitions")
		}
		b, err := f.readAddr(addr, 20)
		if err != nil {
			return nil, err
		}
		a, err := f.readAddr(addr+uint64(f.Order.Uint32(b[12:])), 8)
		if err != nil {
			return nil, err
		}
		name, err := f.dynString(d, uint64(f.Order.Uint32(a)), maxPath)
		if err != nil {
			return nil, err
		}
		out[f.Order.Uint16(b[4:])&0x7fff] = name
		next := uint64(f.Order.Uint32(b[16:]))
		addr, ok = addr+next, next != 0
	}
	return out, nil
}

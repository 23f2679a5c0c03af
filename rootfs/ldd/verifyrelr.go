package ldd

import (
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Relative relocations in the packed form of DT_RELR (https://gabi.xinuos.com/elf/06-reloc.html), which loaders before
// glibc 2.36 do not know and would pass over. So an object that has them asks libc for a version that only a libc
// has whose loader knows them.
const (
	dtRELR      = elf.DynTag(36)
	relrVersion = "GLIBC_ABI_DT_RELR"
)

// checkRELR checks that objects with such relocations ask for the version, on which the loader insists.
func (v *verifier) checkRELR() error {
	if !v.closure.loader.relr {
		return nil
	}
	var err error
	for _, o := range v.objects {
		err = errors.Join(err, relrError(o.Object, o.dyn, o.needs))
	}
	return err
}

// relrError says why the loader refuses an object (_dl_check_map_versions in glibc's elf/dl-version.c). One that wants
// no version of anything, or no libc, is taken as it is.
func relrError(o *Object, d *dynamic, needs []versionNeed) error {
	_, has := d.tags[dtRELR]
	_, versioned := d.tags[elf.DT_VERNEED]
	libc := slices.ContainsFunc(d.deps, func(d dep) bool {
		return d.tag == elf.DT_NEEDED && strings.HasPrefix(d.name, "libc.so.")
	})
	if !has || !versioned || !libc || slices.ContainsFunc(needs, func(n versionNeed) bool { return n.name == relrVersion }) {
		return nil
	}
	return fmt.Errorf("%q has DT_RELR without %s dependency: the loader refuses it\nfix: link it with -Wl,-z,pack-relative-relocs, or without packed relocations (-Wl,--pack-dyn-relocs=none)", o.Path, relrVersion)
}

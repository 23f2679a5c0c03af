package ldd

import (
	debugelf "debug/elf"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// DT_RELR holds relative relocations in a packed form (https://gabi.xinuos.com/elf/06-reloc.html). Loaders
// before glibc 2.36 do not know it and would skip them. So an object with DT_RELR requires a version of libc
// that exists only if the loader knows DT_RELR.
const (
	dtRELR      = debugelf.DynTag(36)
	relrVersion = "GLIBC_ABI_DT_RELR"
)

// checkRELR checks that objects with DT_RELR require that version, if the loader insists on it.
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

// relrError returns an error if the loader rejects an object because of DT_RELR (_dl_check_map_versions in
// glibc's elf/dl-version.c). An object that requires no versions, or no libc, is accepted.
func relrError(o *Object, d *elf.Dynamic, needs []elf.VersionNeed) error {
	_, has := d.Tags[dtRELR]
	_, versioned := d.Tags[debugelf.DT_VERNEED]
	libc := slices.ContainsFunc(d.Deps, func(d elf.Dep) bool {
		return d.Tag == debugelf.DT_NEEDED && strings.HasPrefix(d.Name, "libc.so.")
	})
	if !has || !versioned || !libc || slices.ContainsFunc(needs, func(n elf.VersionNeed) bool { return n.Name == relrVersion }) {
		return nil
	}
	return fmt.Errorf("%q has DT_RELR without %s dependency: the loader refuses it\nfix: link it with -Wl,-z,pack-relative-relocs, or without packed relocations (-Wl,--pack-dyn-relocs=none)", o.Path, relrVersion)
}

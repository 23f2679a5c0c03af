package ldd

import (
	debugelf "debug/elf"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// hwcapNames returns the AT_HWCAP bits of an architecture's oldest CPU that name a folder, the lowest bit
// first: HWCAP_IMPORTANT of glibc's sysdeps/unix/sysv/linux/*/dl-procinfo.h up to 2.36.
func hwcapNames(h *elf.Header) []string {
	switch h.Machine {
	case debugelf.EM_X86_64:
		return []string{"x86_64"}
	case debugelf.EM_ARM:
		if h.Flags&armHardFloat != 0 {
			return []string{"vfp"}
		}
	case debugelf.EM_S390:
		return []string{"zarch"}
	case debugelf.EM_PPC64:
		return []string{"dfp", "altivec"}
	}
	return nil
}

// subdirs returns the subfolders that are searched in each folder of a search path, for the oldest CPU of the
// architecture. Newer loaders search only glibc-hwcaps. Loaders up to 2.36 try every combination of "tls", the
// platform and the capabilities (_dl_important_hwcaps in elf/dl-hwcaps.c).
func (c loaderConf) subdirs(h *elf.Header) []string {
	if !c.legacy {
		return []string{""}
	}
	names := hwcapNames(h)
	if platform := platforms[h.Machine]; platform != "" {
		names = append(names, platform)
	}
	names = append(names, "tls")
	// The full combination comes first, the empty one last. In each, the last name is the outermost folder.
	var out []string
	for set := 1<<len(names) - 1; set >= 0; set-- {
		dir := ""
		for i := len(names) - 1; i >= 0; i-- {
			if set>>i&1 != 0 {
				dir += names[i] + "/"
			}
		}
		out = append(out, dir)
	}
	return compact(out)
}

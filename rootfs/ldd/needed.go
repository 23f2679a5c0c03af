package ldd

import (
	"io"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// Needed returns the files that an ELF file names to be loaded with it: the path of its loader, PT_INTERP, if
// it has one, and then its libraries, DT_NEEDED, in the file's order. It returns nil for a file that is not ELF
// or has no dynamic section.
func Needed(r io.ReaderAt, size int64) ([]string, error) {
	return elf.Needed(r, size)
}

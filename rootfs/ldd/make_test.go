package ldd

import (
	debugelf "debug/elf"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// fakeELF is an ELF file to make.
type fakeELF = elftest.File

func readFake(t *testing.T, file []byte) (*elf.File, *elf.Dynamic) {
	t.Helper()
	f, err := elf.Read(bytesAt(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.Dynamic()
	if err != nil {
		t.Fatal(err)
	}
	return f, d
}

// fileOffset returns the file offset of a virtual address.
func fileOffset(t *testing.T, f *elf.File, addr uint64) uint64 {
	t.Helper()
	for _, p := range f.Progs {
		if p.Type == debugelf.PT_LOAD && addr >= p.Vaddr && addr-p.Vaddr < p.Filesz {
			return p.Off + addr - p.Vaddr
		}
	}
	t.Fatalf("address %#x is in no segment", addr)
	return 0
}

package ldd

import (
	"bytes"
	"debug/elf"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// A made file is read back, for both classes and byte orders.
func TestReadMade(t *testing.T) {
	for name, m := range map[string]elftest.File{
		"64 bit little endian": {},
		"64 bit big endian":    {Big: true, Machine: elf.EM_S390},
		"32 bit little endian": {Class32: true, Machine: elf.EM_386},
		"32 bit big endian":    {Class32: true, Big: true, Machine: elf.EM_PPC},
	} {
		t.Run(name, func(t *testing.T) {
			m.Interp, m.Soname, m.Needed, m.Runpath = "/lib/ld.so", "liba.so.1", []string{"libb.so", "libc.so"}, "/x:$ORIGIN"
			m.Flags1 = uint64(elf.DF_1_NODEFLIB)
			f, d := readMade(t, m.Bytes())
			if interp, err := f.interp(); interp != m.Interp || err != nil {
				t.Errorf("interpreter %q, %v", interp, err)
			}
			if d.soname != m.Soname || d.runpath != m.Runpath || !d.hasRunpath || d.rpath != "" || d.flags1 != elf.DF_1_NODEFLIB {
				t.Errorf("dynamic section: %+v", d)
			}
			if len(d.deps) != 2 || d.deps[0].name != "libb.so" || d.deps[1].name != "libc.so" {
				t.Errorf("dependencies: %v", d.deps)
			}
		})
	}
}

func readMade(t *testing.T, file []byte) (*elfFile, *dynamic) {
	t.Helper()
	f, err := readELF(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.dynamic()
	if err != nil {
		t.Fatal(err)
	}
	return f, d
}

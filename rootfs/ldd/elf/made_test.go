package elf

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
			if interp, err := f.Interp(); interp != m.Interp || err != nil {
				t.Errorf("interpreter %q, %v", interp, err)
			}
			if d.Soname != m.Soname || d.Runpath != m.Runpath || !d.HasRunpath || d.Rpath != "" || d.Flags1 != elf.DF_1_NODEFLIB {
				t.Errorf("dynamic section: %+v", d)
			}
			if len(d.Deps) != 2 || d.Deps[0].Name != "libb.so" || d.Deps[1].Name != "libc.so" {
				t.Errorf("dependencies: %v", d.Deps)
			}
		})
	}
}

func readMade(t *testing.T, file []byte) (*File, *Dynamic) {
	t.Helper()
	f, err := Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.Dynamic()
	if err != nil {
		t.Fatal(err)
	}
	return f, d
}

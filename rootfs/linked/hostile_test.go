package linked_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/linked"
)

// A program whose names of functions are a hole in the file costs no memory.
func TestHostileTable(t *testing.T) {
	t.Parallel()
	const names = 257 << 20
	head := table(0xfffffff1, binary.LittleEndian, 8, "")
	for i := 4; i < 8; i++ { // what follows the names
		at := 8 + 8*i
		binary.LittleEndian.PutUint64(head[at:], binary.LittleEndian.Uint64(head[at:])+names)
	}
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, program(head), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, names+(1<<20)); err != nil {
		t.Fatal(err)
	}
	if _, err := linked.Read(file); err == nil || !strings.Contains(err.Error(), "names of functions") {
		t.Errorf("got %v", err)
	}
}

// Build information that is a hole in the file is none.
func TestHeavyHostileBuildInfo(t *testing.T) {
	t.Parallel()
	const size, at = 700 << 20, 0x1000
	b := make([]byte, at+48)
	copy(b, "\x7fELF\x02\x01\x01")
	o := binary.LittleEndian
	o.PutUint16(b[16:], 2)  // ET_EXEC
	o.PutUint16(b[18:], 62) // EM_X86_64
	o.PutUint32(b[20:], 1)
	o.PutUint64(b[32:], 64)
	o.PutUint16(b[52:], 64)
	o.PutUint16(b[54:], 56)
	o.PutUint16(b[56:], 1)
	o.PutUint32(b[64:], 1) // PT_LOAD
	o.PutUint32(b[68:], 6) // read and write
	for i, v := range []uint64{at, at, at, size - at, size - at, at} {
		o.PutUint64(b[72+8*i:], v)
	}
	copy(b[at:], "\xff Go buildinf:\x08\x02")
	binary.PutUvarint(b[at+32:], size-at-64)
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	if _, err := linked.Read(file); !errors.Is(err, linked.ErrNotGo) {
		t.Errorf("got %v", err)
	}
}

package linked_test

import (
	"encoding/binary"
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

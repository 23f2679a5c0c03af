package ldd

import (
	debugelf "debug/elf"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// Content that a file repeats, or takes from parts of one long text, takes no more memory than the file has
// bytes. Otherwise each of these would take gigabytes.
func TestHostileSizesOfLoaders(t *testing.T) {
	x86 := &elf.Header{Class: debugelf.ELFCLASS64, Machine: debugelf.EM_X86_64, Order: binary.LittleEndian}
	read := func(data []byte) *elf.File {
		f, err := elf.Read(bytesAt(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	long := strings.Repeat("a", 60000)
	for name, tt := range map[string]struct {
		data []byte
		read func(data []byte) error
		want string
	}{
		"a cache with one path often": {
			repeatedCache(10000, long), func(b []byte) error { _, err := parseCache(b, x86); return err }, "",
		},
		"segments of a loader that overlap": {
			elftest.OverlappingSegments(debugelf.PT_LOAD, 4<<20), func(b []byte) error { _, err := constants(read(b)); return err }, "too large for a loader",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := tt.read(tt.data)
			runtime.ReadMemStats(&after)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if n, most := after.TotalAlloc-before.TotalAlloc, uint64(8<<20+8*len(tt.data)); n > most {
				t.Errorf("%d bytes were allocated for a file of %d", n, len(tt.data))
			}
		})
	}
}

// The error for a program with overlapping undefined symbols is short.
func TestHostileMissingSymbols(t *testing.T) {
	v := &checkedObject{Object: &Object{Path: "/prog"}, wanted: map[uint16]elf.VersionNeed{}}
	data := elftest.OverlappingSymbols(20000, 60000)
	f, err := elf.Read(bytesAt(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if v.dyn, err = f.Dynamic(); err != nil {
		t.Fatal(err)
	}
	if v.table, err = f.Symbols(v.dyn, nil); err != nil {
		t.Fatal(err)
	}
	for i := range uint32(20000) {
		v.bound = append(v.bound, i)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = (&verifier{closure: &Closure{started: 1}, objects: []*checkedObject{v}}).checkSymbols()
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "and 19989 more") || len(err.Error()) > 10_000 {
		t.Errorf("got %.1000v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

// repeatedCache returns a cache with n entries of one key and path.
func repeatedCache(n int, path string) []byte {
	o := binary.LittleEndian
	b := []byte(cacheMagicNew + cacheVersion)
	b = o.AppendUint32(b, uint32(n))
	b = o.AppendUint32(b, uint32(len(path)+1))
	b = append(b, make([]byte, 20)...)
	for range n {
		b = o.AppendUint32(b, flagX8664)
		b = o.AppendUint32(b, uint32(newHeaderSize+newEntrySize*n+len(path)-100))
		b = o.AppendUint32(b, uint32(newHeaderSize+newEntrySize*n+len(path)-4000))
		b = append(b, make([]byte, 12)...)
	}
	return append(b, path+"\x00"...)
}

package ldd

import (
	debugelf "debug/elf"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

func TestCompareLib(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int // its sign
	}{
		{"libfoo.so.1", "libfoo.so.1", 0},
		{"libfoo.so.01", "libfoo.so.1", 0},
		{"libfoo.so.10", "libfoo.so.9", 1},
		{"libfoo.so", "libfoo.so.1", -1},
		{"libfoo1.so", "libfoo.so", 1},
		{"libfoo.so", "libfoo1.so", -1},
		{"liba.so", "libb.so", -1},
		{"", "", 0},
		{"", "a", -1},
		{"lib99999999999.so", "lib1.so", 1}, // wraps like a C int, to 1215752191
		{"lib4294967297.so", "lib1.so", 0},
	} {
		if got := compareLib(tt.a, tt.b); sign(got) != tt.want {
			t.Errorf("compareLib(%q, %q) = %d", tt.a, tt.b, got)
		}
	}
}

// writeCache returns a cache in the format that images get.
func writeCache(entries []cacheEntry, want *elf.Header) []byte {
	w := cacheWriter{order: want.Order}
	for _, e := range entries {
		w.entries = append(w.entries, writtenEntry{e, cacheFlags(want), e.value})
	}
	return w.bytes()
}

// first returns the first result of a lookup for the baseline CPU.
func (c *cache) first(name string) string {
	for _, e := range c.find(name, nil) {
		return e.value
	}
	return ""
}

func sign(n int) int { return min(max(n, -1), 1) }

// A written cache is read back, for both byte orders and classes. The flags are those of the machine.
func TestWriteCache(t *testing.T) {
	for name, tt := range map[string]struct {
		elf.Header
		flags uint32
	}{
		"x86-64":  {elf.Header{Machine: debugelf.EM_X86_64, Class: debugelf.ELFCLASS64, Order: binary.LittleEndian}, 0x303},
		"x32":     {elf.Header{Machine: debugelf.EM_X86_64, Class: debugelf.ELFCLASS32, Order: binary.LittleEndian}, 0x803},
		"i386":    {elf.Header{Machine: debugelf.EM_386, Class: debugelf.ELFCLASS32, Order: binary.LittleEndian}, 3},
		"arm64":   {elf.Header{Machine: debugelf.EM_AARCH64, Class: debugelf.ELFCLASS64, Order: binary.LittleEndian}, 0xa03},
		"armhf":   {elf.Header{Machine: debugelf.EM_ARM, Class: debugelf.ELFCLASS32, Order: binary.LittleEndian, Flags: 0x05000400}, 0x903},
		"armel":   {elf.Header{Machine: debugelf.EM_ARM, Class: debugelf.ELFCLASS32, Order: binary.LittleEndian, Flags: 0x05000200}, 3},
		"s390x":   {elf.Header{Machine: debugelf.EM_S390, Class: debugelf.ELFCLASS64, Order: binary.BigEndian}, 0x403},
		"ppc64le": {elf.Header{Machine: debugelf.EM_PPC64, Class: debugelf.ELFCLASS64, Order: binary.LittleEndian, Flags: 2}, 0x503},
		"riscv64": {elf.Header{Machine: debugelf.EM_RISCV, Class: debugelf.ELFCLASS64, Order: binary.LittleEndian, Flags: 5}, 0x1003},
		"loong64": {elf.Header{Machine: debugelf.EM_LOONGARCH, Class: debugelf.ELFCLASS64, Order: binary.LittleEndian, Flags: 0x43}, 0x1203},
	} {
		t.Run(name, func(t *testing.T) {
			if got := cacheFlags(&tt.Header); got != tt.flags {
				t.Errorf("flags %#x, want %#x", got, tt.flags)
			}
			data := writeCache([]cacheEntry{{"liba.so.1", "/opt/liba.so.1", ""}, {"libz.so", "/z", ""}, {"liba.so.10", "/opt/ten", ""}}, &tt.Header)
			got, err := parseCache(data, &tt.Header)
			want := []cacheEntry{{"libz.so", "/z", ""}, {"liba.so.10", "/opt/ten", ""}, {"liba.so.1", "/opt/liba.so.1", ""}}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("read %v, %v", got, err)
			}
			other := tt.Header
			other.Machine = debugelf.EM_MIPS
			if got, err := parseCache(data, &other); tt.flags != flagLibc6 && (err != nil || len(got) > 0) {
				t.Errorf("another machine reads %v, %v", got, err)
			}
		})
	}
}

// Entries for CPUs above the baseline are used only for these, the best first. Unknown levels are skipped.
func TestCacheLevels(t *testing.T) {
	want := &elf.Header{Machine: debugelf.EM_X86_64, Class: debugelf.ELFCLASS64, Order: binary.LittleEndian}
	data := writeCache([]cacheEntry{
		{"liba.so", "/v3/liba.so", "x86-64-v3"}, {"liba.so", "/liba.so", ""}, {"liba.so", "/v2/liba.so", "x86-64-v2"}, {"libb.so", "/v2/libb.so", "x86-64-v2"},
	}, want)
	entries, err := parseCache(data, want)
	if err != nil {
		t.Fatal(err)
	}
	c := &cache{entries: entries}
	for _, tt := range []struct {
		name string
		cpu  []string
		want []string
	}{
		{"liba.so", nil, []string{"/liba.so"}},
		{"libb.so", nil, nil},
		{"liba.so", []string{"x86-64-v2"}, []string{"/v2/liba.so", "/liba.so"}},
		{"liba.so", []string{"x86-64-v4", "x86-64-v3", "x86-64-v2"}, []string{"/v3/liba.so", "/v2/liba.so", "/liba.so"}},
	} {
		var got []string
		for _, e := range c.find(tt.name, tt.cpu) {
			got = append(got, e.value)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("find(%q, %q) = %q, want %q", tt.name, tt.cpu, got, tt.want)
		}
	}
	// Without the names of the levels, their entries are skipped.
	binary.LittleEndian.PutUint32(data[32:], 0)
	got, err := parseCache(data, want)
	if err != nil || !slices.Equal(got, []cacheEntry{{"liba.so", "/liba.so", ""}}) {
		t.Errorf("read %v, %v", got, err)
	}
}

func TestDamagedCache(t *testing.T) {
	want := &elf.Header{Machine: debugelf.EM_X86_64, Class: debugelf.ELFCLASS64, Order: binary.LittleEndian}
	good := string(writeCache([]cacheEntry{{"liba.so", "/liba.so", ""}}, want))
	for name, tt := range map[string]struct{ data, err string }{
		"empty":             {"", "unknown ld.so.cache format"},
		"another format":    {strings.Repeat("x", 100), "unknown ld.so.cache format"},
		"cut in the header": {good[:30], "header cut off"},
		"cut in the table":  {good[:newHeaderSize+8], "do not fit"},
		"a huge count":      {good[:20] + "\xff\xff\xff\xff" + good[24:], "do not fit"},
		"other byte order":  {good[:28] + "\x03" + good[29:], "other byte order"},
		"old, cut":          {cacheMagicOld, "header cut off"},
		"old, a huge count": {cacheMagicOld + "\x00\xff\xff\xff\xff", "do not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := parseCache([]byte(tt.data), want); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("read %v, %v; want %q", got, err, tt.err)
			}
		})
	}
	// Without the strings, only the entry is skipped.
	if got, err := parseCache([]byte(good[:newHeaderSize+newEntrySize]), want); err != nil || len(got) != 0 {
		t.Errorf("without strings: %v, %v", got, err)
	}
}

package ldd

import (
	debugelf "debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// The texts of a Go program that look like names of libraries have thousands of parts that could be names, too. The loader
// is asked for a bounded number of them.
func TestHostileGoNames(t *testing.T) {
	for name, word := range map[string]func(i int) string{
		"many versions":   func(i int) string { return fmt.Sprintf(" lib%d.so%s", i, strings.Repeat(".1", 120)) },
		"many beginnings": func(i int) string { return fmt.Sprintf(" %slib%d.so", strings.Repeat("lib", 80), i) },
		"many folders":    func(i int) string { return fmt.Sprintf(" %slib%d.so", strings.Repeat("/", 240), i) },
		"beginnings with versions": func(i int) string {
			return fmt.Sprintf(" %s%d.so%s", strings.Repeat("lib", 40), i, strings.Repeat(".1", 60))
		},
		"folders with versions": func(i int) string {
			return fmt.Sprintf(" %slib%d.so%s", strings.Repeat("/.", 60), i, strings.Repeat(".1", 60))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var texts strings.Builder
			texts.WriteString("\xff Go buildinf:") // as in a Go program
			for i := range 1 << 13 {
				texts.WriteString(word(i))
			}
			sys := sysroot(fakeELF{Needed: []string{"libc.so.6"}}, nil)
			sys["bin/prog"] = string(elftest.WithConstants([]byte(sys["bin/prog"]), texts.String(), "/lib/x86_64-linux-gnu/libc.so.6"))
			c, err := resolveIn(sys)
			if err != nil {
				t.Fatal(err)
			}
			asked := 0
			c.find = func(string, *Object) (path, real string) {
				asked++
				return "", ""
			}
			if _, err := c.goNames(c.Program()); err != nil {
				t.Fatal(err)
			}
			if asked > 1<<16 {
				t.Errorf("the loader was asked for %d names", asked)
			}
		})
	}
}

// A cache of millions of entries with one name is no long list to look through for each library, and one with more names
// than a machine has is not sorted.
func TestHostileCacheEntries(t *testing.T) {
	x86 := &elf.Header{Class: debugelf.ELFCLASS64, Machine: debugelf.EM_X86_64, Order: binary.LittleEndian}
	for name, tt := range map[string]struct {
		n       int
		key     func(i int) string
		entries int
		fails   bool
	}{
		"one name":          {50000, func(int) string { return "liba.so.1" }, 1, false},
		"one name in zeros": {2000, func(i int) string { return "liba.so." + strings.Repeat("0", i%200) + "1" }, 1, false},
		"names of no file":  {1000, func(i int) string { return strings.Repeat("a", 300+i) }, 0, false},
		"many names":        {1000, func(i int) string { return fmt.Sprintf("lib%d.so", i) }, 1000, false},
		"too many names":    {200000, func(int) string { return "liba.so.1" }, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := binary.LittleEndian
			data := o.AppendUint32([]byte(cacheMagicNew+cacheVersion), uint32(tt.n))
			data = append(data, make([]byte, 24)...)
			at, strs, seen := newHeaderSize+newEntrySize*tt.n, []byte(nil), map[string]uint32{}
			for i := range tt.n {
				key := tt.key(i)
				if _, ok := seen[key]; !ok {
					seen[key] = uint32(at + len(strs))
					strs = append(strs, key+"\x00"...)
				}
				data = o.AppendUint32(data, flagX8664)
				data = o.AppendUint32(data, seen[key])
				data = o.AppendUint32(data, seen[key])
				data = append(data, make([]byte, 12)...)
			}
			entries, err := parseCache(append(data, strs...), x86)
			if len(entries) != tt.entries || (err != nil) != tt.fails {
				t.Errorf("there are %d entries, %v", len(entries), err)
			}
		})
	}
}

// A library of one long row of symbols, and a program that asks for as many, take no hours.
func TestHostileSymbolRows(t *testing.T) {
	const n = 20000
	data := elftest.OverlappingSymbols(n, 100)
	// DT_HASH: the numbers of buckets and symbols, the buckets, the chain. All symbols are one chain.
	hash := data[64+2*56+5*16:]
	binary.LittleEndian.PutUint32(hash[8:], 1)
	for i := range uint32(n) {
		binary.LittleEndian.PutUint32(hash[12+4*i:], i+1)
	}
	f, err := elf.Read(bytesAt(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	lib := &checkedObject{Object: &Object{Path: "/lib"}, wanted: map[uint16]elf.VersionNeed{}}
	if lib.dyn, err = f.Dynamic(); err != nil {
		t.Fatal(err)
	}
	if lib.table, err = f.Symbols(lib.dyn, nil); err != nil {
		t.Fatal(err)
	}
	prog := *lib
	for i := range uint32(n) {
		prog.bound = append(prog.bound, i)
	}
	v := &verifier{closure: &Closure{started: 2}, objects: []*checkedObject{&prog, lib}, steps: maxSteps - 10<<20}
	if err := v.checkSymbols(); err == nil || !strings.Contains(err.Error(), "long rows") || v.steps > maxSteps+4<<20 {
		t.Errorf("after %d steps got %.300v", v.steps, err)
	}
}

package ldd

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// fakeLoader has the strings that are read from glibc's loader.
var fakeLoader = func() []byte {
	file := fakeELF{Soname: "ld-linux-x86-64.so.2"}.Bytes()
	return elftest.WithConstants(file, "/lib/x86_64-linux-gnu/\x00/usr/lib/x86_64-linux-gnu/\x00/lib/\x00/usr/lib/\x00",
		"lib/x86_64-linux-gnu", "glibc-hwcaps", "/etc/ld.so.cache")
}()

// sysroot returns a sysroot with a loader, one library and a program.
func sysroot(prog fakeELF, more memFS) memFS {
	prog.Interp = "/lib64/ld-linux-x86-64.so.2"
	sys := memFS{
		"lib64/ld-linux-x86-64.so.2":         string(fakeLoader),
		"lib/x86_64-linux-gnu/libc.so.6":     string(fakeELF{Soname: "libc.so.6"}.Bytes()),
		"lib/x86_64-linux-gnu/libgcc_s.so.1": string(fakeELF{Soname: libgcc}.Bytes()),
		"bin/prog":                           string(prog.Bytes()),
	}
	for name, text := range more {
		sys[name] = text
	}
	return sys
}

func resolveIn(sys FS) (*Closure, error) {
	return Resolve(context.Background(), sys, Program{Path: "/bin/prog"}, Env{})
}

// Files with wrong sizes are rejected with a short error and little memory.
func TestHostileFiles(t *testing.T) {
	o := binary.LittleEndian
	const phdr = 64
	prog := func(f []byte, i int) []byte { return f[phdr+56*i:] }
	for name, tt := range map[string]struct {
		change func(f []byte) []byte
		want   string
	}{
		"empty":                     {func([]byte) []byte { return nil }, "it is empty"},
		"a script":                  {func([]byte) []byte { return []byte("#!/bin/sh\n") }, "it is a script"},
		"a Windows program":         {func([]byte) []byte { return []byte("MZ" + strings.Repeat("x", 100)) }, "it is a Windows program"},
		"a macOS program":           {func([]byte) []byte { return []byte("\xcf\xfa\xed\xfe" + strings.Repeat("x", 100)) }, "it is a macOS program"},
		"text":                      {func([]byte) []byte { return []byte(strings.Repeat("x", 100)) }, `it starts with "xxxx"`},
		"cut off in the ident":      {func(f []byte) []byte { return f[:8] }, "not an ELF file"},
		"cut off in the header":     {func(f []byte) []byte { return f[:63] }, "too short"},
		"cut off in the segments":   {func(f []byte) []byte { return f[:phdr+56] }, "program headers"},
		"cut off in the strings":    {func(f []byte) []byte { return f[:len(f)-8] }, "has no end"},
		"class 7":                   {func(f []byte) []byte { f[elf.EI_CLASS] = 7; return f }, "invalid ELF class"},
		"byte order 7":              {func(f []byte) []byte { f[elf.EI_DATA] = 7; return f }, "invalid ELF data encoding"},
		"an object file":            {func(f []byte) []byte { o.PutUint16(f[16:], uint16(elf.ET_REL)); return f }, "ET_REL"},
		"65535 segments":            {func(f []byte) []byte { o.PutUint16(f[56:], 65535); return f }, "program headers"},
		"segments far away":         {func(f []byte) []byte { o.PutUint64(f[32:], 1<<63); return f }, "program headers"},
		"segments of another size":  {func(f []byte) []byte { o.PutUint16(f[54:], 8); return f }, "program headers of 8 bytes"},
		"an interpreter of 1 GB":    {func(f []byte) []byte { o.PutUint64(prog(f, 3)[32:], 1<<30); return f }, "interpreter name"},
		"an interpreter far away":   {func(f []byte) []byte { o.PutUint64(prog(f, 3)[8:], 1<<62); return f }, "interpreter name"},
		"an endless interpreter":    {func(f []byte) []byte { o.PutUint64(prog(f, 3)[32:], 4); return f }, "without a NUL"},
		"dynamic far away":          {func(f []byte) []byte { o.PutUint64(prog(f, 1)[16:], 1<<62); return f }, "in no segment"},
		"dynamic beyond the file":   {func(f []byte) []byte { return endless(f) }, "dynamic section"},
		"strings far away":          {func(f []byte) []byte { return setTag(f, elf.DT_STRTAB, 1<<62) }, "in no segment"},
		"strings beyond the memory": {func(f []byte) []byte { return setTag(f, elf.DT_STRTAB, 1<<64-1) }, "outside of memory"},
		"no strings":                {func(f []byte) []byte { return setTag(f, elf.DT_STRSZ, 0) }, "outside of a table"},
	} {
		t.Run(name, func(t *testing.T) {
			sys := sysroot(fakeELF{Needed: []string{"libc.so.6"}}, nil)
			sys["bin/prog"] = string(tt.change([]byte(sys["bin/prog"])))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := resolveIn(sys)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
				t.Errorf("%d bytes were allocated", n)
			}
		})
	}
}

// setTag changes the value of a dynamic entry.
func setTag(f []byte, tag elf.DynTag, val uint64) []byte {
	o := binary.LittleEndian
	for at := int(o.Uint64(f[64+56+8:])); at+16 <= len(f); at += 16 {
		if elf.DynTag(o.Uint64(f[at:])) == tag {
			o.PutUint64(f[at+8:], val)
			break
		}
	}
	return f
}

// endless makes a dynamic section of 2^60 bytes without DT_NULL.
func endless(f []byte) []byte {
	o := binary.LittleEndian
	at := int(o.Uint64(f[64+56+8:]))
	for ; at+16 <= len(f); at += 16 {
		if o.Uint64(f[at:]) == 0 {
			o.PutUint64(f[at:], uint64(elf.DT_DEBUG))
		}
	}
	o.PutUint64(f[64+56+32:], 1<<60)
	o.PutUint64(f[64+32:], 1<<61)
	return f
}

// An untrusted sysroot cannot lead outside of itself.
func TestHostileSysroot(t *testing.T) {
	for name, tt := range map[string]struct {
		more memFS
		path string // of libc.so.6
		err  string
	}{
		"links out of the root stay inside": {
			more: memFS{"lib/x86_64-linux-gnu/libc.so.6": "-> /../../../../opt/libc.so.6", "opt/libc.so.6": string(fakeELF{Soname: "libc.so.6"}.Bytes())},
			path: "/opt/libc.so.6",
		},
		"a loop": {
			more: memFS{"lib/x86_64-linux-gnu/libc.so.6": "-> libc.so.6"},
			err:  `library "libc.so.6" not found`,
		},
		"a loader that is not one": {
			more: memFS{"lib64/ld-linux-x86-64.so.2": string(fakeELF{}.Bytes())},
			err:  "neither glibc's nor musl's loader",
		},
		"a loader for another machine": {
			more: memFS{"lib64/ld-linux-x86-64.so.2": string(fakeELF{Machine: elf.EM_AARCH64}.Bytes())},
			err:  "the program is ELFCLASS64 EM_X86_64",
		},
		"a loader that is a folder": {
			more: memFS{"lib64/ld-linux-x86-64.so.2/x": "", "lib64/ld-linux-x86-64.so.2": "-> x/y"},
			err:  "interpreter",
		},
		"a cache full of nonsense": {
			more: memFS{"etc/ld.so.cache": cacheMagicNew + cacheVersion + strings.Repeat("\xff", 100)},
			path: "/lib/x86_64-linux-gnu/libc.so.6",
		},
		"a configuration that includes itself": {
			more: memFS{"etc/ld.so.conf": "include /etc/*\ninclude ld.so.conf\n"},
			path: "/lib/x86_64-linux-gnu/libc.so.6",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := resolveIn(sysroot(fakeELF{Needed: []string{"libc.so.6"}}, tt.more))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if o, ok := c.Lookup("libc.so.6"); !ok || o.Real != tt.path {
				t.Errorf("got %+v, want %s", o, tt.path)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Resolve(ctx, sysroot(fakeELF{Needed: []string{"libc.so.6"}}, nil), Program{Path: "/bin/prog"}, Env{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

package linked_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/linked"
)

// table makes the smallest function table with the given names: pcHeader in runtime/symtab.go. Its third
// word was added in Go 1.18.
func table(magic uint32, order binary.AppendByteOrder, width int, names string) []byte {
	b := append(order.AppendUint32(nil, magic), 0, 0, 1, byte(width))
	head, rest := []int{1, 1, 0}, 4
	if magic == 0xfffffffa {
		head = head[:2]
	}
	start := 8 + width*(len(head)+5)
	for _, w := range append(head, start, start+len(names), start+len(names)+rest, start+len(names)+2*rest, start+len(names)+3*rest) {
		if width == 4 {
			b = order.AppendUint32(b, uint32(w))
		} else {
			b = order.AppendUint64(b, uint64(w))
		}
	}
	return append(append(b, names...), make([]byte, 4*rest)...)
}

// program makes an ELF file with only a file header, followed by the given parts.
func program(parts ...[]byte) []byte {
	b := make([]byte, 64)
	copy(b, "\x7fELF\x02\x01\x01")
	for _, p := range parts {
		b = append(b, p...)
		b = append(b, make([]byte, -len(b)&3)...)
	}
	return b
}

// TestForms reads the tables of all Go versions, byte orders and word sizes. TestHas and TestHeavyHas cover the linker of
// Go 1.26.
func TestForms(t *testing.T) {
	t.Parallel()
	for _, magic := range []uint32{0xfffffffa, 0xfffffff0, 0xfffffff1} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			for _, width := range []int{4, 8} {
				p := from(t, program(table(magic, order, width, "main.main\x00time.LoadLocation\x00")))
				if !p.Has("main.main") || !p.Has("time.LoadLocation") || p.Has("main.mai") || p.Has("time.LoadLocation2") {
					t.Errorf("%#x, %v, words of %d: the needs are %v", magic, order, width, p.Needs())
				}
				if p.Build() != nil || p.Module("example.com/x") {
					t.Errorf("build information that is not there: %v", p.Build())
				}
			}
		}
	}
}

// Some tables do not count: a program may embed another program, and bytes may look like a header by
// chance.
func TestWhichTable(t *testing.T) {
	t.Parallel()
	le := binary.LittleEndian
	own := table(0xfffffff1, le, 8, "main.own\x00")
	far := slices.Concat(make([]byte, 1<<20-100), own) // crosses the end of one read
	cut := own[:len(own)-17]                           // ends before the functions
	backward := slices.Clone(own)
	le.PutUint64(backward[8+8*4:], 1)
	tests := map[string]struct {
		file []byte
		want string
	}{
		"the program's own is last":     {program(table(0xfffffff1, le, 8, "main.other\x00"), own), "main.own"},
		"far inside":                    {program(far), "main.own"},
		"bytes like a header behind it": {program(own, []byte("\xf1\xff\xff\xff\x00\x00\x01\x08"), bytes.Repeat([]byte{0xff}, 99)), "main.own"},
		"offsets run backward":          {program(backward), ""},
		"truncated":                     {program(cut)[:64+len(cut)], ""},
		"no functions":                  {program(slices.Concat(own[:8], make([]byte, 8), own[16:])), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := linked.ReadFrom(bytes.NewReader(test.file), int64(len(test.file)))
			if test.want == "" {
				if !errors.Is(err, linked.ErrNotGo) {
					t.Errorf("%v, %v", p, err)
				}
				return
			}
			if err != nil || !p.Has(test.want) || p.Has("main.other") {
				t.Errorf("%v, %v", p, err)
			}
		})
	}
}

// from reads a Go program.
func from(t *testing.T, file []byte) *linked.Program {
	t.Helper()
	p, err := linked.ReadFrom(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// FuzzReadFrom reads arbitrary bytes.
func FuzzReadFrom(f *testing.F) {
	for _, magic := range []uint32{0xfffffffa, 0xfffffff0, 0xfffffff1} {
		f.Add(program(table(magic, binary.LittleEndian, 8, "main.main\x00time.LoadLocation\x00")))
		f.Add(program(table(magic, binary.BigEndian, 4, "main.main\x00main._Cfunc_dlopen\x00")))
	}
	f.Add(program([]byte("\xff Go buildinf:\x08\x02"), make([]byte, 64)))
	f.Add([]byte("#!/bin/sh\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := linked.ReadFrom(bytes.NewReader(data), int64(len(data)))
		if (p == nil) == (err == nil) {
			t.Fatalf("%v, %v", p, err)
		}
		if err != nil {
			return
		}
		for _, n := range p.Needs() {
			if n.Kind == "" || n.Why == "" {
				t.Errorf("an incomplete need: %+v", n)
			}
		}
	})
}

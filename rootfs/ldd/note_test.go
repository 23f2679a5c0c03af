package ldd

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

// withNotes appends notes to a made file and makes its third program header a segment with them.
func withNotes(file []byte, notes ...note) []byte {
	at := len(file)
	o := binary.LittleEndian
	file = append(file, segment(notes...)...)
	ph := file[64+2*56:]
	o.PutUint32(ph, uint32(elf.PT_NOTE))
	o.PutUint32(ph[4:], uint32(elf.PF_R))
	o.PutUint64(ph[8:], uint64(at))
	o.PutUint64(ph[32:], uint64(len(file)-at))
	o.PutUint64(ph[48:], 4)
	return file
}

// segment encodes notes.
func segment(notes ...note) []byte {
	var b []byte
	o := binary.LittleEndian
	for _, n := range notes {
		b = o.AppendUint32(b, uint32(len(n.owner)))
		b = o.AppendUint32(b, uint32(len(n.desc)))
		b = o.AppendUint32(b, n.typ)
		for _, part := range []string{n.owner, string(n.desc)} {
			b = append(b, part...)
			b = append(b, make([]byte, -len(part)&3)...)
		}
	}
	return b
}

// dlopenNote returns a note of .note.dlopen.
func dlopenNote(text string) note { return note{dlopenOwner, dlopenType, []byte(text + "\x00")} }

func TestNotes(t *testing.T) {
	good := dlopenNote(`[{"soname":["liblz4.so.1"],"feature":"lz4","description":"Compression","priority":"suggested"},` +
		`{"soname":["libx.so.2","libx.so.1"],"feature":"x"}]`)
	want := []Note{
		{Sonames: []string{"liblz4.so.1"}, Feature: "lz4", Description: "Compression", Priority: "suggested"},
		{Sonames: []string{"libx.so.2", "libx.so.1"}, Feature: "x", Priority: "recommended"},
	}
	for name, tt := range map[string]struct {
		notes []note
		want  []Note
		err   string
	}{
		"none":           {nil, nil, ""},
		"good":           {[]note{{"GNU\x00", 3, []byte("build ID")}, good}, want, ""},
		"others":         {[]note{{dlopenOwner, 1, []byte("x")}, {"GNU\x00", dlopenType, []byte("x")}}, nil, ""},
		"one is damaged": {[]note{dlopenNote("[{"), good}, want, `reading the notes of "/bin/prog"`},
		"no soname":      {[]note{good, dlopenNote(`[{"feature":"x"}]`)}, want, "a note has 0 sonames"},
		"another type":   {[]note{dlopenNote(`[{"soname":"x"}]`), good}, want, "cannot unmarshal"},
		"a huge one":     {[]note{good, dlopenNote(strings.Repeat(" ", maxJSON))}, want, "a note has 65537 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			sys := sysroot(fakeELF{Needed: []string{"libc.so.6"}}, nil)
			sys["bin/prog"] = string(withNotes([]byte(sys["bin/prog"]), tt.notes...))
			c, err := resolveIn(sys)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Notes(context.Background())
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			for i := range got {
				if got[i].By != c.Program() {
					t.Errorf("note of %v", got[i].By)
				}
				got[i].By = nil
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

package ldd

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

func TestNotes(t *testing.T) {
	good := elftest.DlopenNote(`[{"soname":["liblz4.so.1"],"feature":"lz4","description":"Compression","priority":"suggested"},` +
		`{"soname":["libx.so.2","libx.so.1"],"feature":"x"}]`)
	want := []Note{
		{Sonames: []string{"liblz4.so.1"}, Feature: "lz4", Description: "Compression", Priority: "suggested"},
		{Sonames: []string{"libx.so.2", "libx.so.1"}, Feature: "x", Priority: "recommended"},
	}
	for name, tt := range map[string]struct {
		notes []elftest.Note
		want  []Note
		err   string
	}{
		"none":           {nil, nil, ""},
		"good":           {[]elftest.Note{{Owner: "GNU\x00", Type: 3, Desc: []byte("build ID")}, good}, want, ""},
		"others":         {[]elftest.Note{{Owner: "FDO\x00", Type: 1, Desc: []byte("x")}, {Owner: "GNU\x00", Type: 0x407c0c0a, Desc: []byte("x")}}, nil, ""},
		"one is damaged": {[]elftest.Note{elftest.DlopenNote("[{"), good}, want, `reading the notes of "/bin/prog"`},
		"no soname":      {[]elftest.Note{good, elftest.DlopenNote(`[{"feature":"x"}]`)}, want, "a note has 0 sonames"},
		"another type":   {[]elftest.Note{elftest.DlopenNote(`[{"soname":"x"}]`), good}, want, "cannot unmarshal"},
		"a huge one":     {[]elftest.Note{good, elftest.DlopenNote(strings.Repeat(" ", 1<<16))}, want, "a note has 65537 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			sys := sysroot(fakeELF{Needed: []string{"libc.so.6"}}, nil)
			sys["bin/prog"] = string(elftest.WithNotes([]byte(sys["bin/prog"]), tt.notes...))
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

package ldd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// flavours are fake loaders of both kinds, which their constants identify.
var flavours = map[string]string{
	"glibc": string(fakeLoader), "musl": string(elftest.WithConstants(fakeELF{}.Bytes(), "%.*s/etc/ld-musl-x86_64.path")),
}

// A try that cannot be loaded is left out with everything that only it needs, and does not affect later tries.
func TestTries(t *testing.T) {
	lib := func(m fakeELF) string { return string(m.Bytes()) }
	for name, loader := range flavours {
		t.Run(name, func(t *testing.T) {
			sys := sysroot(fakeELF{Needed: []string{"libbase.so"}, Rpath: "/opt"}, memFS{
				"lib64/ld-linux-x86-64.so.2": loader,
				"opt/libbase.so":             lib(fakeELF{}),
				"opt/good.so":                lib(fakeELF{Needed: []string{"libdep.so", "libbase.so"}}),
				"opt/libdep.so":              lib(fakeELF{}),
				"opt/lacks.so":               lib(fakeELF{Needed: []string{"libonly.so", "/opt/alias.so"}}),
				"opt/libonly.so":             lib(fakeELF{Needed: []string{"libnone.so"}}),
				"opt/alias.so":               "-> libbase.so",
				"opt/text.so":                strings.Repeat("no library ", 20),
				"opt/cut.so":                 lib(fakeELF{Change: func(f []byte) { f[64+32+2] = 1 }}), // the segment is 64 KiB longer than the file
				"opt/later.so":               lib(fakeELF{Needed: []string{"libonly2.so"}}),
				"opt/libonly2.so":            lib(fakeELF{}),
			})
			p := Program{Path: "/bin/prog", Opens: []string{"good.so"}, Tries: []string{"lacks.so", "nowhere.so", "text.so", "cut.so", "later.so", "libbase.so"}}
			c, err := Resolve(context.Background(), sys, p, Env{})
			if err != nil {
				t.Fatal(err)
			}
			var got, left []string
			for _, o := range c.Objects[2:] {
				if o.Name != libgcc && o.Name != "libc.so.6" {
					got = append(got, o.Name+" of "+o.Opened)
				}
			}
			want := []string{"libbase.so of ", "good.so of good.so", "libdep.so of good.so", "later.so of later.so", "libonly2.so of later.so"}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			for _, l := range c.Left {
				left = append(left, l.Name)
			}
			if want := []string{"lacks.so", "nowhere.so", "text.so", "cut.so"}; !slices.Equal(left, want) {
				t.Fatalf("left %q, want %q", left, want)
			}
			var missing *MissingError
			if !errors.As(c.Left[0].Err, &missing) || missing.Missing[0].Soname != "libnone.so" || !strings.Contains(c.Left[0].Err.Error(), "\nfix: ") {
				t.Errorf("left %v", c.Left[0].Err)
			}
			var refused *LoadError
			if !errors.As(c.Left[2].Err, &refused) || refused.Path != "/opt/text.so" {
				t.Errorf("left %v", c.Left[2].Err)
			}
			if !strings.Contains(c.Left[3].Err.Error(), `"/opt/cut.so" is cut off`) {
				t.Errorf("left %v", c.Left[3].Err)
			}
			if base, _ := c.Lookup("libbase.so"); len(base.Links) != 0 {
				t.Errorf("a try that failed left links: %v", base.Links)
			}
		})
	}
}

// Without a loader nothing can be opened.
func TestTriesOfStatic(t *testing.T) {
	p := Program{Path: "/bin/prog", Tries: []string{"libz.so.1"}}
	c, err := Resolve(context.Background(), memFS{"bin/prog": string(fakeELF{}.Bytes())}, p, Env{})
	if err != nil || len(c.Left) != 1 || !errors.Is(c.Left[0].Err, errStatic) {
		t.Errorf("got %v, %v", c, err)
	}
}

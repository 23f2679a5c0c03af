package sysroot_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/sysroot"
)

// scripted is an image that lists and sends what a hostile image might.
type scripted struct {
	list string
	send map[string]io.Reader // sent for every request
}

func (s scripted) List(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, s.list)
	return err
}

func (s scripted) Read(_ context.Context, _ []string, use func(string, io.Reader) error) error {
	for name, r := range s.send {
		if err := use(name, r); err != nil {
			return err
		}
	}
	return nil
}

const (
	root   = "20000000755 4096 /\x00\x00"
	folder = "20000000755 4096 /lib\x00\x00"
)

// An invalid list of names is an error.
func TestNamesRefused(t *testing.T) {
	if fmt.Sprintf("%o", uint32(fs.ModeDir|0o755)) != "20000000755" {
		t.Fatal("the mode of a folder is another")
	}
	for _, row := range []struct{ name, list, says string }{
		{"no root", "644 1 /a\x00\x00", `"/a" is listed without its folder`},
		{"no folder", root + "644 1 /lib/liba.so\x00\x00", `"/lib/liba.so" is listed without its folder`},
		{"folder is a link", root + "1000000777 0 /lib\x00usr/lib\x00644 1 /lib/a\x00\x00", `"/lib/a" is listed without its folder`},
		{"folder is a file", root + "644 1 /lib\x00\x00644 1 /lib/a\x00\x00", `"/lib/a" is listed without its folder`},
		{"upwards", root + folder + "644 1 /lib/..\x00\x00", "no absolute name"},
		{"relative", root + "644 1 a\x00\x00", "no absolute name"},
		{"twice", root + folder + folder, "listed twice"},
		{"negative", root + "644 -1 /a\x00\x00", "the size"},
		{"no mode", root + "rw 1 /a\x00\x00", "the mode"},
		{"breaks off in a name", root + "644 1 /a", "breaks off"},
		{"breaks off before a target", root + "644 1 /a\x00", "breaks off"},
		{"lines", "20000000755 4096 \"/\" \"\"\n", "breaks off"},
	} {
		t.Run(row.name, func(t *testing.T) {
			sys, err := sysroot.Open(context.Background(), t.TempDir(), scripted{list: row.list})
			if err == nil {
				_, err = sys.Open("lib/liba.so") // it is an error, and no panic
			}
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// A name may have every character except NUL.
func TestNamesOfAnyCharacters(t *testing.T) {
	const odd = "a\n644 9 /b \"c\\ \xff"
	sys, err := sysroot.Open(context.Background(), t.TempDir(), scripted{list: root + "1000000777 0 /" + "link\x00" + odd + "\x00" + "644 1 /" + strings.ReplaceAll(odd, "/", "-") + "\x00\x00"})
	if err != nil {
		t.Fatal(err)
	}
	if target, err := sys.ReadLink("link"); target != odd || err != nil {
		t.Errorf("the target is %q, %v", target, err)
	}
	entries, err := fs.ReadDir(sys, ".")
	if err != nil || len(entries) != 2 || entries[0].Name() != strings.ReplaceAll(odd, "/", "-") {
		t.Errorf("the names are %v, %v", entries, err)
	}
}

// endless is an endless reader of zeros.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Only files that were asked for are accepted, and only with the listed size.
func TestFilesBounded(t *testing.T) {
	list := root + folder + "644 5 /lib/liba.so\x00\x00644 5 /lib/libb.so\x00\x00644 5 /other\x00\x00644 1099511627776 /lib/huge.so\x00\x00"
	for _, row := range []struct {
		name, file string
		send       map[string]io.Reader
		says       string
	}{
		{"whole", "lib/liba.so", map[string]io.Reader{"/lib/liba.so": strings.NewReader("right")}, ""},
		{"endless", "lib/liba.so", map[string]io.Reader{"/lib/liba.so": endless{}}, `"/lib/liba.so" has more than its listed 5 bytes`},
		{"another", "lib/liba.so", map[string]io.Reader{"/other": strings.NewReader("wrong")}, `the image sent "/other", which was not asked for`},
		{"huge", "lib/huge.so", map[string]io.Reader{"/lib/huge.so": endless{}}, `"/lib/huge.so" has 1099511627776 bytes`},
		{"nothing", "lib/liba.so", nil, `the image did not send "/lib/liba.so"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			sys, err := sysroot.Open(context.Background(), t.TempDir(), scripted{list, row.send})
			if err != nil {
				t.Fatal(err)
			}
			_, err = sys.Host(row.file)
			if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

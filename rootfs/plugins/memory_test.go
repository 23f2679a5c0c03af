//go:build linux && amd64

package plugins

import (
	"context"
	"io/fs"
	"maps"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// countingFS counts how often each file is opened, and how many bytes of it are read.
type countingFS struct {
	ldd.FS
	opened map[string]int
	read   map[string]int64
}

func (c countingFS) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if r, ok := f.(file); ok && strings.Contains(name, ".so") {
		c.opened[name]++
		return countedFile{r, c, name}, err
	}
	return f, err
}

// file is the interface of files in a folder of the host.
type file interface {
	fs.ReadDirFile
	ReadAt(p []byte, off int64) (int, error)
}

type countedFile struct {
	file
	in   countingFS
	name string
}

func (f countedFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.file.ReadAt(p, off)
	f.in.read[f.name] += int64(n)
	return n, err
}

// A library's content is read once, in however many rounds and images. Later rounds read only the new
// plugins, and a second program reads only itself.
func TestNothingIsReadAgain(t *testing.T) {
	t.Parallel()
	m := rootSpec{
		program: elfSpec{needs: []string{debianLib + "libvips.so.42"}, imports: []string{"iconv_open"}},
		libs: map[string]elfSpec{
			debianLib + "libc.so.6":                     {soname: "libc.so.6", text: "/" + debianLib + "gconv", defines: []string{"_nss_dns_gethostbyname4_r"}},
			debianLib + "gconv/UTF-16.so":               {},
			debianLib + "libvips.so.42":                 {soname: "libvips.so.42", imports: []string{"dlopen"}, text: "libnamed.so.1", asm: noteOf(`[{"soname":["libold.so.1"]}]`)},
			debianLib + "libold.so.1":                   {},
			debianLib + "vips-modules-8.15/vips-krb.so": {},
			debianLib + "libkrb5.so.3":                  {soname: "libkrb5.so.3", text: "/usr/lib/x86_64-linux-gnu/krb5/plugins", imports: []string{"setlocale"}},
			debianLib + "krb5/plugins/preauth/spake.so": {},
		},
	}
	root := image(m.build(t))
	root.gcc(t, debianLib+"libvips.so.42", elfSpec{soname: "libvips.so.42", needs: []string{debianLib + "libc.so.6"}, imports: []string{"dlopen"}, asm: noteOf(`[{"soname":["libold.so.1"]}]`)}, "-shared")
	root.gcc(t, debianLib+"vips-modules-8.15/vips-krb.so", elfSpec{needs: []string{debianLib + "libkrb5.so.3"}}, "-shared")
	sys := countingFS{ldd.DirFS(string(root)), map[string]int{}, map[string]int64{}}
	memory := &ldd.Memory{}
	resolve := func(m *ldd.Memory) {
		t.Helper()
		c, found, err := Resolve(context.Background(), sys, ldd.Program{Path: "/bin/prog", Memory: m}, ldd.Env{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Plugins) != 4 || len(c.Left) > 0 {
			t.Fatalf("got %q, left %v", lines(found), c.Left)
		}
	}
	resolve(memory)
	// Once to load it, then once for each question: imports, notes and names. For libc also once for each of the
	// two rows with texts, and once for its built-in sources of names.
	const most = 7
	for name, n := range sys.opened {
		if n > most {
			t.Errorf("%s was opened %d times", name, n)
		}
	}
	before := maps.Clone(sys.read)
	clear(sys.opened)
	resolve(memory.Elsewhere())
	for name, n := range sys.read {
		if n != before[name] {
			t.Errorf("%d bytes of %s were read again", n-before[name], name)
		}
		// Each round opens the loader to inspect it.
		if sys.opened[name] > 3 {
			t.Errorf("%s was opened %d times for the second program", name, sys.opened[name])
		}
	}
	if len(before) < 8 {
		t.Errorf("only %d files were counted: %v", len(before), before)
	}
}

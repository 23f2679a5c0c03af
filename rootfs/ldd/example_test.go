package ldd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

const muslLoader = "/lib/ld-musl-x86_64.so.1"

var (
	ctx    = context.Background()
	server = ldd.Program{Path: "/server"}
)

// sysroot returns the file system of a machine with musl and a program that needs libvips, which needs libz. Any
// [ldd.FS] does; a [ldd.DirFS] is a folder of this machine.
func sysroot() *rootfs.Tree {
	tree := &rootfs.Tree{}
	loader(tree)
	add(tree, "/server", elftest.File{Interp: muslLoader, Needed: []string{"libvips.so.42"}, Runpath: "/opt/vips"})
	add(tree, "/opt/vips/libvips.so.42.17.1", elftest.File{Soname: "libvips.so.42", Needed: []string{"libz.so.1"}})
	link(tree, "/opt/vips/libvips.so.42", "libvips.so.42.17.1")
	add(tree, "/usr/lib/libz.so.1", elftest.File{Soname: "libz.so.1"})
	return tree
}

// A program is resolved where it was built, and again in the tree for the image.
func Example() {
	source, err := ldd.Resolve(ctx, sysroot(), server, ldd.Env{})
	if err != nil {
		log.Fatal(err)
	}
	image := &rootfs.Tree{}
	for _, o := range source.Objects {
		fmt.Println(o.Real, "because", o.By)
		if err := image.Add(rootfs.Entry{Path: o.Real, Mode: 0o755, Source: rootfs.SysrootFile(sysroot(), o.Real)}); err != nil {
			log.Fatal(err)
		}
		for _, l := range o.Links {
			fmt.Println(l.Path, "->", l.Target)
			link(image, l.Path, l.Target)
		}
	}
	proved, err := ldd.Verify(ctx, image, server, ldd.Env{Workdir: "/data"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the image differs:", ldd.Compare(ctx, source, proved))
	// Output:
	// /server because the program
	// /lib/ld-musl-x86_64.so.1 because interpreter
	// /opt/vips/libvips.so.42.17.1 because RUNPATH of /server
	// /opt/vips/libvips.so.42 -> libvips.so.42.17.1
	// /usr/lib/libz.so.1 because default of musl
	// the image differs: <nil>
}

// The error names all missing libraries, who needs them, and where the loader looks.
func ExampleMissingError() {
	sys := &rootfs.Tree{}
	loader(sys)
	add(sys, "/server", elftest.File{Interp: muslLoader, Needed: []string{"libvips.so.42"}, Runpath: "/opt/vips"})
	_, err := ldd.Resolve(ctx, sys, server, ldd.Env{})
	fmt.Println(err)

	var missing *ldd.MissingError
	if errors.As(err, &missing) {
		for _, m := range missing.Missing {
			fmt.Println(m.Soname, m.NeededBy)
		}
	}
	// Output:
	// resolving the libraries of "/server": library "libvips.so.42" not found, needed by "/server"
	// searched:
	//   /opt/vips (RUNPATH of /server)
	//   /lib (default of musl)
	//   /usr/local/lib (default of musl)
	//   /usr/lib (default of musl)
	// fix: apk add so:libvips.so.42
	// libvips.so.42 /server
}

// The loader takes the first file that it finds, and rejects one that is no library.
func ExampleLoadError() {
	sys := without(sysroot(), "/usr/lib/libz.so.1")
	text := []byte("GROUP ( libz.so.1.3 )\n")
	if err := sys.Add(rootfs.Entry{Path: "/usr/lib/libz.so.1", Mode: 0o644, Source: rootfs.Bytes(text)}); err != nil {
		log.Fatal(err)
	}
	_, err := ldd.Resolve(ctx, sys, server, ldd.Env{})
	var rejected *ldd.LoadError
	fmt.Println(errors.As(err, &rejected))
	fmt.Println(err)
	// Output:
	// true
	// resolving the libraries of "/server": loading "/usr/lib/libz.so.1" for "/opt/vips/libvips.so.42": not an ELF file: it starts with "GROU"
	// fix: replace the file with the library for the program's platform, or remove its folder from the search path
}

// A library that a program opens while it runs is in no header of the program. It is searched by the same rules.
func ExampleProgram_opens() {
	sys := sysroot()
	add(sys, "/usr/lib/libheif.so.1", elftest.File{Soname: "libheif.so.1"})
	p := server
	p.Opens = []string{"libheif.so.1"}
	p.Tries = []string{"libjxl.so.0.7"} // may be missing
	c, err := ldd.Resolve(ctx, sys, p, ldd.Env{})
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range c.Objects {
		if o.Opened != "" {
			fmt.Println(o.Real, "is opened as", o.Opened)
		}
	}
	for _, left := range c.Left {
		fmt.Println(left.Name, "is left out")
	}
	// Output:
	// /usr/lib/libheif.so.1 is opened as libheif.so.1
	// libjxl.so.0.7 is left out
}

// Verify tells what is wrong in a finished root file system.
func ExampleVerify() {
	image := without(sysroot(), "/opt/vips/libvips.so.42")
	_, err := ldd.Verify(ctx, image, server, ldd.Env{})
	fmt.Println(err)
	// Output:
	// resolving the libraries of "/server": library "libvips.so.42" not found, needed by "/server"
	// searched:
	//   /opt/vips (RUNPATH of /server)
	//   /lib (default of musl)
	//   /usr/local/lib (default of musl)
	//   /usr/lib (default of musl)
	// fix: apk add so:libvips.so.42
}

// Compare finds a library that is not the one that the program was resolved with.
func ExampleCompare() {
	source, err := ldd.Resolve(ctx, sysroot(), server, ldd.Env{})
	if err != nil {
		log.Fatal(err)
	}
	other := without(sysroot(), "/usr/lib/libz.so.1")
	add(other, "/usr/lib/libz.so.1", elftest.File{Soname: "libz.so.1", Runpath: "/opt"})
	image, err := ldd.Verify(ctx, other, server, ldd.Env{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ldd.Compare(ctx, source, image))
	// Output:
	// "libz.so.1" is /usr/lib/libz.so.1, in the image it is another file: /usr/lib/libz.so.1 (default of musl)
	// fix: copy the libraries to the same place in the image as on the build machine, or link with a search path that works in both
}

// The closure as ldd(1) lists it, with the rule that found each file.
func ExampleClosure_String() {
	c, err := ldd.Resolve(ctx, sysroot(), server, ldd.Env{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c)
	// Output:
	// /server => /server (the program)
	// /lib/ld-musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (interpreter)
	// libvips.so.42 => /opt/vips/libvips.so.42 (RUNPATH of /server)
	// libz.so.1 => /usr/lib/libz.so.1 (default of musl)
}

// An object is found by the name that was asked for, and by its soname.
func ExampleClosure_Lookup() {
	c, err := ldd.Resolve(ctx, sysroot(), server, ldd.Env{})
	if err != nil {
		log.Fatal(err)
	}
	if o, ok := c.Lookup("libz.so.1"); ok {
		fmt.Println(o.Real, "for", o.NeededBy.Path)
	}
	_, ok := c.Lookup("libpng16.so.16")
	fmt.Println(ok)
	// Output:
	// /usr/lib/libz.so.1 for /opt/vips/libvips.so.42
	// false
}

// A library in a folder that only the loader's own configuration names needs that file in the image too.
func ExampleClosure_LoaderConfig() {
	sys := sysroot()
	add(sys, "/opt/zlib/libz.so.1", elftest.File{Soname: "libz.so.1"})
	if err := sys.Add(rootfs.Entry{Path: "/etc/ld-musl-x86_64.path", Mode: 0o644, Source: rootfs.Bytes([]byte("/opt/zlib\n"))}); err != nil {
		log.Fatal(err)
	}
	c, err := ldd.Resolve(ctx, sys, server, ldd.Env{})
	if err != nil {
		log.Fatal(err)
	}
	name, content, needed := c.LoaderConfig()
	fmt.Printf("%s: %q %v\n", name, content, needed)
	// Output:
	// /etc/ld-musl-x86_64.path: "/opt/zlib\n" true
}

// Links are followed inside the root: an absolute target begins there, and ".." stops there.
func ExampleFollow() {
	sys := &rootfs.Tree{}
	add(sys, "/usr/lib/libz.so.1.3", elftest.File{})
	link(sys, "/usr/lib/libz.so.1", "../../../usr/lib/libz.so.1.3")
	link(sys, "/lib", "/usr/lib")
	real, links, err := ldd.Follow(sys, "/lib/libz.so.1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(real)
	for _, l := range links {
		fmt.Println(l.Path, "->", l.Target)
	}
	// Output:
	// /usr/lib/libz.so.1.3
	// /lib -> /usr/lib
	// /usr/lib/libz.so.1 -> ../../../usr/lib/libz.so.1.3
}

// A root file system may have several loaders, for example of two C libraries.
func ExampleLoaders() {
	fmt.Println(ldd.Loaders(sysroot()))
	// Output:
	// [/lib/ld-musl-x86_64.so.1]
}

func ExampleIsMuslLoader() {
	fmt.Println(ldd.IsMuslLoader("/lib/ld-musl-aarch64.so.1"), ldd.IsMuslLoader("/lib64/ld-linux-x86-64.so.2"))
	// Output:
	// true false
}

// Needed reads one file, of any architecture, and looks for nothing.
func ExampleNeeded() {
	file := elftest.File{Interp: muslLoader, Needed: []string{"libvips.so.42", "libz.so.1"}}.Bytes()
	names, err := ldd.Needed(bytes.NewReader(file), int64(len(file)))
	fmt.Println(names, err)

	script := "#!/bin/sh\n"
	names, err = ldd.Needed(strings.NewReader(script), int64(len(script)))
	fmt.Println(names, err)
	// Output:
	// [/lib/ld-musl-x86_64.so.1 libvips.so.42 libz.so.1] <nil>
	// [] <nil>
}

// A script is no program that a loader could load.
func ExampleResolve_script() {
	sys := &rootfs.Tree{}
	if err := sys.Add(rootfs.Entry{Path: "/server", Mode: 0o755, Source: rootfs.Bytes([]byte("#!/bin/sh\n"))}); err != nil {
		log.Fatal(err)
	}
	_, err := ldd.Resolve(ctx, sys, server, ldd.Env{})
	fmt.Println(errors.Is(err, ldd.ErrNotELF))
	// Output:
	// true
}

// add adds a made ELF file to a tree.
func add(tree *rootfs.Tree, path string, file elftest.File) {
	if err := tree.Add(rootfs.Entry{Path: path, Mode: 0o755, Source: rootfs.Bytes(file.Bytes())}); err != nil {
		log.Fatal(err)
	}
}

// loader adds musl's loader, with the string that tells it from others.
func loader(tree *rootfs.Tree) {
	file := elftest.WithConstants(elftest.File{}.Bytes(), "%.*s/etc/ld-musl-x86_64.path")
	if err := tree.Add(rootfs.Entry{Path: muslLoader, Mode: 0o755, Source: rootfs.Bytes(file)}); err != nil {
		log.Fatal(err)
	}
}

func link(tree *rootfs.Tree, path, target string) {
	if err := tree.Add(rootfs.Entry{Path: path, Mode: fs.ModeSymlink | 0o777, Link: target}); err != nil {
		log.Fatal(err)
	}
}

// without returns a tree without the entry at a path.
func without(tree *rootfs.Tree, path string) *rootfs.Tree {
	rest := &rootfs.Tree{}
	for _, e := range tree.Entries() {
		if e.Path == path {
			continue
		}
		if err := rest.Add(e); err != nil {
			log.Fatal(err)
		}
	}
	return rest
}

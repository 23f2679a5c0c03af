package rootfs_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/rootfs"
)

// A tree lists what is in the image, who owns it, and why it is there.
func ExampleAssemble() {
	tree, err := rootfs.Assemble(context.Background(), rootfs.Spec{
		Dirs:         []rootfs.Dir{{Path: "/var/cache/hello", Reason: "configured at magefile.go:16"}},
		Certificates: rootfs.Certificates{OnlyExtra: true}, // no certificates, so that the output is the same on every machine
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range tree.Entries() {
		fmt.Printf("%v %5d %s (%s)\n", e.Mode, e.UID, e.Path, e.Reason)
	}
	// Output:
	// drwxr-xr-x 65534 /data (data of the user nobody)
	// drwxr-xr-x     0 /etc (parent folder)
	// -rw-r--r--     0 /etc/group (names the image's groups)
	// -rw-r--r--     0 /etc/nsswitch.conf (tells the C library to look names up in files and DNS)
	// -rw-r--r--     0 /etc/passwd (names the image's users)
	// -rw-r--r--     0 /etc/protocols (protocols by name: net.Dial("ip4:ospf"), getprotobyname(3))
	// -rw-r--r--     0 /etc/services (ports by name: net.LookupPort, getservbyname(3))
	// drwx------     0 /root (home of the user root)
	// dtrwxrwxrwx     0 /tmp (os.TempDir, for all users)
	// drwxr-xr-x     0 /var (parent folder)
	// drwxr-xr-x     0 /var/cache (parent folder)
	// drwxr-xr-x 65534 /var/cache/hello (configured at magefile.go:16)
}

// The user's files get owners and modes by the Spec, whatever they have on the host.
func ExampleSpec() {
	dir := folder("www/index.html", "tls/key.pem")
	defer os.RemoveAll(dir)
	spec := rootfs.Spec{
		Dir:          dir,
		Users:        []rootfs.User{{Name: "web", UID: 1000}},
		Certificates: rootfs.Certificates{OnlyExtra: true},
		Files: []rootfs.File{
			{From: "www", To: "/srv/www"},
			{From: "tls/*.pem", To: "/etc/tls/", Owner: "web", Mode: 0o400},
		},
	}
	tree, err := rootfs.Assemble(context.Background(), spec)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range tree.Entries() {
		if e.Layer == rootfs.Files {
			fmt.Println(e.Mode, e.UID, e.GID, e.Path)
		}
	}
	// Output:
	// drwxr-xr-x 0 0 /etc/tls
	// -r-------- 1000 1000 /etc/tls/key.pem
	// drwxr-xr-x 0 0 /srv
	// drwxr-xr-x 0 0 /srv/www
	// -rw-r--r-- 0 0 /srv/www/index.html
}

// A pattern names several files.
func ExampleSpec_Matches() {
	dir := folder("conf/a.toml", "conf/b.toml", "conf/notes.txt")
	defer os.RemoveAll(dir)
	paths, err := rootfs.Spec{Dir: dir}.Matches(rootfs.File{From: "conf/*.toml", To: "/etc/app/"})
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range paths {
		fmt.Println(filepath.Base(path))
	}
	// Output:
	// a.toml
	// b.toml
}

// A change below one of the paths may change the image. For a pattern it is the folder that the pattern starts in.
func ExampleSpec_HostPaths() {
	spec := rootfs.Spec{
		Dir:          "/src/app",
		Files:        []rootfs.File{{From: "www", To: "/srv/www"}, {From: "conf/*.toml", To: "/etc/app/"}},
		Certificates: rootfs.Certificates{OnlyExtra: true, Extra: []string{"ca.pem"}},
	}
	for _, path := range spec.HostPaths() {
		fmt.Println(path)
	}
	// Output:
	// /src/app/www
	// /src/app/conf
	// /src/app/ca.pem
}

// Defaults are filled in: nobody runs the program, and owns the data.
func ExampleSpec_ImageUser() {
	for _, user := range []rootfs.User{{}, {UID: 1000}, {Name: "web", UID: 33, Home: "/srv"}} {
		u, err := rootfs.Spec{User: user}.ImageUser()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %d:%d (group %s) in %s\n", u.Name, u.UID, u.GID, u.Group, u.Home)
	}
	// Output:
	// nobody 65534:65534 (group nobody) in /data
	// app 1000:1000 (group app) in /data
	// web 33:33 (group web) in /srv
}

// Entries may come in any order. A path through a link goes where the link leads.
func ExampleTree_Add() {
	var tree rootfs.Tree
	for _, e := range []rootfs.Entry{
		{Path: "/lib/libz.so.1", Mode: 0o644, Reason: "needed by /app", Source: rootfs.Bytes([]byte("…"))},
		{Path: "/lib", Mode: fs.ModeSymlink | 0o777, Link: "usr/lib", Reason: "the loader looks there"},
	} {
		if err := tree.Add(e); err != nil {
			log.Fatal(err)
		}
	}
	for _, e := range tree.Entries() {
		fmt.Printf("%s: %v\n", e.Path, e)
	}
	fmt.Println(tree.Add(rootfs.Entry{Path: "/usr/lib/libz.so.1", Mode: fs.ModeDir | 0o755, Reason: "configured at magefile.go:16"}))
	// Output:
	// /lib: link to usr/lib
	// /usr: folder 0755 0:0
	// /usr/lib: folder 0755 0:0
	// /usr/lib/libz.so.1: file 0644 0:0
	// adding "/usr/lib/libz.so.1" (configured at magefile.go:16): the path is taken by another file 0644 0:0 (needed by /app)
	// fix: leave one of the two out, or give it another path
}

// Chain tells why a file is in the image, from what is there for the image as a whole.
func ExampleTree_Chain() {
	tree := add(
		rootfs.Entry{Path: "/app", Mode: 0o755, Reason: "the program"},
		rootfs.Entry{Path: "/usr/lib/libvips.so.42", Mode: 0o644, Reason: "needed by /app", For: "/app"},
		rootfs.Entry{Path: "/usr/lib/libz.so.1", Mode: 0o644, Reason: "needed by libvips.so.42", For: "/usr/lib/libvips.so.42"},
	)
	chain, err := tree.Chain("/usr/lib/libz.so.1")
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range chain {
		fmt.Printf("%s: %s\n", e.Path, e.Reason)
	}
	// Output:
	// /app: the program
	// /usr/lib/libvips.so.42: needed by /app
	// /usr/lib/libz.so.1: needed by libvips.so.42
}

// Readable tells whether the image's user could open a file: each folder on the way counts.
func ExampleTree_Readable() {
	tree := add(
		rootfs.Entry{Path: "/private", Mode: fs.ModeDir | 0o700, Reason: "configured at magefile.go:16"},
		rootfs.Entry{Path: "/private/key.pem", Mode: 0o644},
		rootfs.Entry{Path: "/app", Mode: 0o644, Reason: "configured at magefile.go:17"},
	)
	nobody := rootfs.User{UID: 65534, GID: 65534}
	fmt.Println(tree.Readable(nobody, "/private/key.pem"))
	fmt.Println(tree.Readable(rootfs.User{Name: "root"}, "/private/key.pem"))
	fmt.Println(tree.Executable(nobody, "/app"))
	// Output:
	// the image's user 65534:65534 may not enter "/private" (folder 0700 0:0, configured at magefile.go:16)
	// fix: give it another Mode or Owner, or leave it out
	// <nil>
	// the image's user 65534:65534 may not open "/app" (file 0644 0:0, configured at magefile.go:17)
	// fix: give it another Mode or Owner, or leave it out
}

// Links that lead to nothing are found before anybody runs the image.
func ExampleTree_Dangling() {
	tree := add(
		rootfs.Entry{Path: "/etc/localtime", Mode: fs.ModeSymlink | 0o777, Link: "../usr/share/zoneinfo/Europe/Berlin"},
		rootfs.Entry{Path: "/var/log/out", Mode: fs.ModeSymlink | 0o777, Link: "/proc/self/fd/1"}, // the engine mounts /proc
	)
	for _, e := range tree.Dangling() {
		fmt.Println(e.Path, "->", e.Link)
	}
	// Output:
	// /etc/localtime -> ../usr/share/zoneinfo/Europe/Berlin
}

// A tree is an io/fs file system, before anything is written.
func ExampleTree_Open() {
	tree := add(rootfs.Entry{Path: "/etc/app/app.toml", Mode: 0o644, Source: rootfs.Bytes([]byte("port = 8080\n"))})
	text, err := fs.ReadFile(tree, "etc/app/app.toml")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", text)
	err = fs.WalkDir(tree, ".", func(name string, _ fs.DirEntry, err error) error {
		fmt.Println(name)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// port = 8080
	// .
	// etc
	// etc/app
	// etc/app/app.toml
}

// A tree is written to a folder for people to look at. What it does not name is removed from there.
func ExampleTree_WriteDir() {
	dir := folder("old.txt")
	defer os.RemoveAll(dir)
	tree := add(rootfs.Entry{Path: "/etc/app.toml", Mode: 0o600, UID: 1000, Source: rootfs.Bytes([]byte("port = 8080\n"))})
	if err := tree.WriteDir(context.Background(), dir); err != nil {
		log.Fatal(err)
	}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, _ fs.DirEntry, err error) error {
		fmt.Println(name)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// .
	// etc
	// etc/app.toml
}

// The layers of an image are made of such headers. They have no time: the image sets its own.
func ExampleEntry_Header() {
	for _, e := range []rootfs.Entry{
		{Path: "/data", Mode: fs.ModeDir | 0o755, UID: 65534, GID: 65534},
		{Path: "/lib", Mode: fs.ModeSymlink | 0o777, Link: "usr/lib"},
	} {
		h := e.Header()
		fmt.Printf("%c %s %o %d:%d %q\n", h.Typeflag, h.Name, h.Mode, h.Uid, h.Gid, h.Linkname)
	}
	// Output:
	// 5 data/ 755 65534:65534 ""
	// 2 lib 777 0:0 "usr/lib"
}

func ExampleBytes() {
	source := rootfs.Bytes([]byte("port = 8080\n"))
	f, err := source.Open()
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	fmt.Printf("%q %v\n", text, err)
	// Output:
	// "port = 8080\n" <nil>
}

// An owner may be given by names. Accounts other than root and nobody have to be in the image.
func ExampleParseOwner() {
	users := []rootfs.User{{Name: "web", UID: 1000, GID: 33, Group: "www"}}
	for _, owner := range []string{"", "web", "web:root", "1234", "1:2", "postgres"} {
		uid, gid, err := rootfs.ParseOwner(owner, users)
		fmt.Printf("%q: %d:%d %v\n", owner, uid, gid, err)
	}
	// Output:
	// "": 0:0 <nil>
	// "web": 1000:33 <nil>
	// "web:root": 1000:0 <nil>
	// "1234": 1234:1234 <nil>
	// "1:2": 1:2 <nil>
	// "postgres": 0:0 reading owner "postgres": the user "postgres" is not one of ["web" "root" "nobody"]
	// fix: write "uid:gid", or add the user to Users
}

func ExampleParseUser() {
	users := []rootfs.User{{Name: "web", UID: 1000, GID: 33}}
	for _, s := range []string{"web", "1000", "1234:5678"} {
		u, err := rootfs.ParseUser(s, users)
		fmt.Printf("%s: %q %d:%d %v\n", s, u.Name, u.UID, u.GID, err)
	}
	// Output:
	// web: "web" 1000:33 <nil>
	// 1000: "web" 1000:33 <nil>
	// 1234:5678: "" 1234:5678 <nil>
}

// The program may run as a user of the base. A user whose home is not in the base gets the data folder.
func ExampleBaseUsers() {
	base := add(
		rootfs.Entry{Path: "/etc/passwd", Mode: 0o644, Source: rootfs.Bytes([]byte("root:x:0:0::/root:/bin/sh\nweb:x:33:33::/var/www:/bin/false\n"))},
		rootfs.Entry{Path: "/etc/group", Mode: 0o644, Source: rootfs.Bytes([]byte("root:x:0:\nwww:x:33:\n"))},
		rootfs.Entry{Path: "/var/www", Mode: fs.ModeDir | 0o755, UID: 33, GID: 33},
	)
	users, err := rootfs.BaseUsers(base, "/data")
	if err != nil {
		log.Fatal(err)
	}
	for _, u := range users {
		fmt.Println(u.Name, u.UID, u.Group, u.Home)
	}
	// Output:
	// root 0 root /data
	// web 33 www /var/www
}

// The certificates of a base are found where Go's crypto/x509 looks.
func ExampleBaseBundle() {
	alpine := add(rootfs.Entry{Path: "/etc/ssl/cert.pem", Mode: 0o644})
	fmt.Println(rootfs.BaseBundle(alpine))
	fmt.Println(rootfs.BaseBundle(add()))
	// Output:
	// /etc/ssl/cert.pem true
	//  false
}

// A library that the base lacks is found in the sysroot, at the path where the base's loader looks.
func ExampleOverlay() {
	base := add(
		rootfs.Entry{Path: "/lib", Mode: fs.ModeSymlink | 0o777, Link: "usr/lib"},
		rootfs.Entry{Path: "/usr/lib/libc.so", Mode: 0o755, Source: rootfs.Bytes([]byte("of the base"))},
	)
	sysroot := add(
		rootfs.Entry{Path: "/lib/libc.so", Mode: 0o755, Source: rootfs.Bytes([]byte("of the sysroot"))},
		rootfs.Entry{Path: "/lib/libz.so.1", Mode: 0o755, Source: rootfs.Bytes([]byte("of the sysroot"))},
	)
	both := rootfs.Overlay(base, sysroot)
	for _, name := range []string{"usr/lib/libc.so", "usr/lib/libz.so.1"} {
		text, err := fs.ReadFile(both, name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", name, text)
	}
	// Output:
	// usr/lib/libc.so: of the base
	// usr/lib/libz.so.1: of the sysroot
}

// add returns a tree with these entries. Files without a source have the content "bytes".
func add(entries ...rootfs.Entry) *rootfs.Tree {
	tree := &rootfs.Tree{}
	for _, e := range entries {
		if e.Mode.IsRegular() && e.Source == (rootfs.Source{}) {
			e.Source = rootfs.Bytes([]byte("bytes"))
		}
		if err := tree.Add(e); err != nil {
			log.Fatal(err)
		}
	}
	return tree
}

// folder makes a folder with empty files.
func folder(names ...string) string {
	dir, err := os.MkdirTemp("", "fromscratch-example-")
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range names {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			log.Fatal(err)
		}
	}
	return dir
}

package packages

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// tree makes a sysroot from names and contents. "-> target" is a link, "dir/" a folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		full := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		if target, ok := strings.CutPrefix(content, "-> "); ok && err == nil {
			err = os.Symlink(target, full)
		} else if strings.HasSuffix(name, "/") && err == nil {
			err = os.MkdirAll(full, 0o755)
		} else if err == nil {
			err = os.WriteFile(full, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func open(t *testing.T, files map[string]string) *DB {
	t.Helper()
	db, err := Open(ldd.DirFS(tree(t, files)))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

const debStatus = `Package: libc6
Status: install ok installed
Multi-Arch: same
Architecture: amd64
Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>
Source: glibc
Version: 2.36-9
Description: C library
 Package: not a field

Package: libc6
Status: install ok installed
Multi-Arch: same
Architecture: i386
Source: glibc (2.36-8)
Version: 2.36-9

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: dash
Status: install ok half-configured
Architecture: amd64
Version: 0.5.12-2

Package: other
Status: install ok installed
Architecture: all
Version: 2
`

// debTree is a Debian in which /lib became a link after the packages were built.
var debTree = map[string]string{
	"var/lib/dpkg/status":                debStatus,
	"var/lib/dpkg/diversions":            "/bin/sh\n/bin/sh.distrib\ndash\n/usr/bin/x\n/usr/bin/x.old\n:\n",
	"var/lib/dpkg/info/libc6:amd64.list": "/.\n/lib\n/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu/libc.so.6\n/usr\n/usr/share\n/usr/share/doc\n/usr/share/doc/libc6\n/usr/share/doc/libc6/copyright\n",
	"var/lib/dpkg/info/libc6:i386.list":  "/.\n/lib\n/lib/i386-linux-gnu\n/lib/i386-linux-gnu/libc.so.6\n/usr\n/usr/share\n/usr/share/doc\n/usr/share/doc/libc6\n/usr/share/doc/libc6/copyright\n",
	"var/lib/dpkg/info/dash.list":        "/.\n/bin\n/bin/dash\n/bin/sh\n",
	"var/lib/dpkg/info/other.list":       "/.\n/bin\n/bin/sh\n/usr\n/usr/bin\n/usr/bin/x\n/usr/bin/xy",
	"var/lib/dpkg/info/gone.list":        "/etc/gone",
	"lib":                                "-> usr/lib",
	"bin":                                "-> usr/bin",
	"usr/lib/x86_64-linux-gnu/libc.so.6": "x",
	"usr/lib/x86_64-linux-gnu/libc.so":   "-> libc.so.6",
	"usr/share/doc/libc6/copyright":      "x",
	"usr/bin/":                           "",
	"opt/l":                              "-> /lib",
	"proc/escape":                        "-> ../../../../../../etc/passwd",
}

func TestDeb(t *testing.T) {
	t.Parallel()
	db := open(t, debTree)
	want := []Package{
		{Deb, "dash", "0.5.12-2", "amd64", "dash", "0.5.12-2", "", ""},
		{Deb, "libc6", "2.36-9", "amd64", "glibc", "2.36-9", "", "GNU Libc Maintainers <debian-glibc@lists.debian.org>"},
		{Deb, "libc6", "2.36-9", "i386", "glibc", "2.36-8", "", ""},
		{Deb, "other", "2", "all", "other", "2", "", ""},
	}
	if got := db.All(); !slices.Equal(got, want) {
		t.Errorf("All() = %v", got)
	}
	for name, owner := range map[string]string{
		"/lib/x86_64-linux-gnu/libc.so.6":        "libc6 2.36-9 (amd64)",
		"/usr/lib/x86_64-linux-gnu/libc.so.6":    "libc6 2.36-9 (amd64)",
		"/usr/lib/x86_64-linux-gnu/../x/../libc": "",
		"/usr/lib/i386-linux-gnu/libc.so.6":      "libc6 2.36-9 (i386)",
		"/usr/lib/x86_64-linux-gnu/libc.so":      "libc6 2.36-9 (amd64)", // a link without a package
		"/opt/l/x86_64-linux-gnu/libc.so.6":      "libc6 2.36-9 (amd64)",
		"/usr/share/doc/libc6/copyright":         "libc6 2.36-9 (amd64)",
		"/bin/sh":                                "dash 0.5.12-2 (amd64)",
		"/usr/bin/sh.distrib":                    "other 2 (all)",
		"/usr/bin/x":                             "", // diverted by the administrator
		"/usr/bin/x.old":                         "other 2 (all)",
		"/usr/bin/xy":                            "other 2 (all)",
		"/etc/gone":                              "",
		"/usr/lib":                               "",
		"/proc/escape":                           "",
		"relative":                               "",
	} {
		p, ok := db.Owner(name)
		if ok != (owner != "") || ok && p.String() != owner {
			t.Errorf("Owner(%q) = %v, %t; want %q", name, p, ok, owner)
		}
	}
	if got := db.Files(want[1]); !slices.Equal(got, []string{"/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/share/doc/libc6/copyright"}) {
		t.Errorf("Files() = %q", got)
	}
	if got := db.Files(Package{Name: "nothing"}); got != nil {
		t.Errorf("Files() of nothing = %q", got)
	}
	if a, b := db.Copyright(want[2]), db.Copyright(want[3]); a != "/usr/share/doc/libc6/copyright" || b != "" {
		t.Errorf("Copyright() = %q, %q", a, b)
	}
	if p, ok := db.Lookup("libc6:i386"); !ok || p != want[2] {
		t.Errorf("Lookup() = %v, %t", p, ok)
	}
	if err := db.Err(); err != nil {
		t.Error(err)
	}
}

// Before /usr was merged, /lib/x and /usr/lib/x were different files.
func TestDebWithTwoLibs(t *testing.T) {
	t.Parallel()
	db := open(t, map[string]string{
		"var/lib/dpkg/status":       "Package: a\nVersion: 1\nArchitecture: all\nStatus: install ok installed\n",
		"var/lib/dpkg/info/a.list":  "/.\n/lib\n/lib/x\n",
		"lib/x":                     "",
		"usr/lib/x":                 "",
		"var/lib/dpkg/info/":        "",
		"var/lib/dpkg/info/format":  "1\n",
		"var/lib/dpkg/triggers/Any": "",
	})
	if _, ok := db.Owner("/lib/x"); !ok {
		t.Error("/lib/x has no owner")
	}
	if p, ok := db.Owner("/usr/lib/x"); ok {
		t.Errorf("/usr/lib/x belongs to %v", p)
	}
}

// A missing list is reported, and does not affect other packages.
func TestDebWithoutList(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for name, content := range debTree {
		files[name] = content
	}
	delete(files, "var/lib/dpkg/info/dash.list")
	db := open(t, files)
	if _, ok := db.Owner("/usr/bin/xy"); !ok {
		t.Error("/usr/bin/xy has no owner")
	}
	if err := db.Err(); err == nil || !strings.Contains(err.Error(), `"dash"`) {
		t.Errorf("Err() = %v", err)
	}
}

func TestDistroless(t *testing.T) {
	t.Parallel()
	db := open(t, map[string]string{
		"var/lib/dpkg/status.d/libc6":         "Package: libc6\nSource: glibc\nVersion: 2.36-9\nArchitecture: amd64\n",
		"var/lib/dpkg/status.d/libc6.md5sums": "0123  usr/lib/x86_64-linux-gnu/libc.so.6\n4567  usr/share/a  b\n",
		"var/lib/dpkg/status.d/tzdata":        "Package: tzdata\nVersion: 2024a\nArchitecture: all\n",
	})
	if p, ok := db.Owner("/usr/lib/x86_64-linux-gnu/libc.so.6"); !ok || p.Source != "glibc" {
		t.Errorf("Owner() = %v, %t", p, ok)
	}
	if p, ok := db.Owner("/usr/share/a  b"); !ok || p.Name != "libc6" {
		t.Errorf("Owner() = %v, %t", p, ok)
	}
	if got := len(db.All()); got != 2 || db.Err() != nil {
		t.Errorf("%d packages, %v", got, db.Err())
	}
}

const apkInstalled = `C:Q1abc=
P:musl
V:1.2.5-r1
A:x86_64
S:1
L:MIT
o:musl
m:Natanael Copa <ncopa@example.org>
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1x=
R:libc.musl-x86_64.so.1
F:
R:top

C:Q1def=
P:vips
V:8.15.2-r1
A:x86_64
L:LGPL-2.1-or-later
o:vips
F:usr
F:usr/lib
R:libvips.so.42
F:usr/lib/vips-modules-8.15
R:vips-heif.so

P:meta
V:1-r0
A:noarch
`

func TestAPK(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"lib/apk/db/", "usr/lib/apk/db/"} {
		db := open(t, map[string]string{dir + "installed": apkInstalled, "usr/lib/libvips.so": "-> libvips.so.42", "usr/lib/libvips.so.42": ""})
		want := []Package{
			{APK, "meta", "1-r0", "noarch", "", "", "", ""},
			{APK, "musl", "1.2.5-r1", "x86_64", "musl", "", "MIT", "Natanael Copa <ncopa@example.org>"},
			{APK, "vips", "8.15.2-r1", "x86_64", "vips", "", "LGPL-2.1-or-later", ""},
		}
		if got := db.All(); !slices.Equal(got, want) {
			t.Errorf("%s: All() = %v", dir, got)
		}
		if got := db.Files(want[1]); !slices.Equal(got, []string{"/lib/ld-musl-x86_64.so.1", "/lib/libc.musl-x86_64.so.1", "/top"}) {
			t.Errorf("%s: Files() = %q", dir, got)
		}
		for _, name := range []string{"/usr/lib/vips-modules-8.15/vips-heif.so", "/usr/lib/libvips.so"} {
			if p, ok := db.Owner(name); !ok || p != want[2] {
				t.Errorf("%s: Owner(%q) = %v, %t", dir, name, p, ok)
			}
		}
	}
}

func TestNoDatabase(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"empty":          {},
		"empty folders":  {"var/lib/dpkg/info/": "", "lib/apk/db/": "", "var/lib/rpm/": ""},
		"files instead":  {"var/lib/dpkg": "", "lib/apk": "", "var/lib/rpm": ""},
		"links nowhere":  {"var/lib/dpkg": "-> ../gone", "lib": "-> lib", "var/lib/rpm": "-> /gone"},
		"links to links": {"var/lib/dpkg": "-> /var/lib/rpm", "var/lib/rpm": "-> dpkg"},
	} {
		db := open(t, files)
		if all := db.All(); len(all) != 0 {
			t.Errorf("%s: All() = %v", name, all)
		}
		if p, ok := db.Owner("/etc/passwd"); ok {
			t.Errorf("%s: Owner() = %v", name, p)
		}
		if err := db.Err(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Only regular files are opened: opening a FIFO would block forever.
func TestDamaged(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"status is a folder":    {"var/lib/dpkg/status/": ""},
		"installed is a folder": {"lib/apk/db/installed/": ""},
		"rpmdb is a folder":     {"var/lib/rpm/rpmdb.sqlite/": ""},
		"rpmdb is empty":        {"var/lib/rpm/rpmdb.sqlite": ""},
		"rpmdb is text":         {"var/lib/rpm/rpmdb.sqlite": strings.Repeat("text", 1000)},
	} {
		if _, err := Open(ldd.DirFS(tree(t, files))); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

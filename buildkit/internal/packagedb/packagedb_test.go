package packagedb

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/owners"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

const osReleaseOfDebian = "ID=debian\nVERSION_ID=\"12\"\n"

// debian are the files of a sysroot with two packages, and a library of none.
func debian() map[string]string {
	return map[string]string{
		"usr/lib/os-release": osReleaseOfDebian,
		"etc/os-release":     osReleaseOfDebian,
		"etc/debian_version": "12.11\n",
		"var/lib/dpkg/status": "Package: libone\nStatus: install ok installed\nMaintainer: Ä. One <one@example.org>\nArchitecture: amd64\nMulti-Arch: same\nSource: one\nVersion: 1:1-2~deb12u1\nDescription: one\n more\n\n" +
			"Package: two\nStatus: install ok installed\nArchitecture: amd64\nSource: twosrc (2-1)\nVersion: 2-1+b1\n",
		"var/lib/dpkg/info/libone.list": "/.\n/usr\n/usr/lib\n/usr/lib/libone.so.1\n/usr/lib/libone-extra.so\n/usr/lib/other.so\n",
		"var/lib/dpkg/info/two.list":    "/.\n/usr\n/usr/lib\n/usr/lib/libtwo.so.2\n",
		"usr/lib/libone.so.1":           "one",
		"usr/lib/libone-extra.so":       "extra",
		"usr/lib/libtwo.so.2":           "two",
		"usr/local/lib/libnone.so":      "of no package",
	}
}

// made is an image in the making.
type made struct {
	Image
	dir string
}

// image returns an image with files of a sysroot, by their paths.
func image(t *testing.T, sysroot map[string]string, files ...string) made {
	t.Helper()
	dir := testkit.Module(t, sysroot)
	p := plan.Image{Supply: plan.Supply{Packages: true}}
	i := Image{Plan: p, Libraries: libraries.Set{Objects: make([]libraries.Object, 2)}, Tree: &rootfs.Tree{}, Sysroot: ldd.DirFS(dir)}
	i.Owners = func() *owners.Owners { return owners.Open(i.Plan, dir, nil) }
	m := made{i, dir}
	for _, name := range files {
		m.ship(t, name)
	}
	return m
}

func (m made) ship(t *testing.T, name string) {
	t.Helper()
	e := rootfs.Entry{Path: name, Mode: 0o644, Reason: "test", Source: rootfs.SysrootFile(m.Sysroot, name)}
	if err := m.Tree.Add(e); err != nil {
		t.Fatal(err)
	}
}

// user adds a file of the user's.
func (m made) user(t *testing.T, name string) {
	t.Helper()
	e := rootfs.Entry{Path: name, Mode: 0o644, Layer: rootfs.Files, Reason: "test", Source: rootfs.Bytes([]byte("mine"))}
	if err := m.Tree.Add(e); err != nil {
		t.Fatal(err)
	}
}

// add adds the database, and returns the files that were added, with the notes.
func (m made) add(t *testing.T) (files map[string]string, notes string) {
	t.Helper()
	before := map[string]bool{}
	for _, e := range m.Tree.Entries() {
		before[e.Path] = true
	}
	added, err := Add(context.Background(), m.Image)
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	for _, e := range m.Tree.Entries() {
		switch {
		case before[e.Path] || e.Mode.IsDir():
		case e.Mode.Type() == fs.ModeSymlink:
			files[e.Path] = "-> " + e.Link
		default:
			content, err := fs.ReadFile(m.Tree, strings.TrimPrefix(e.Path, "/"))
			if err != nil {
				t.Fatal(err)
			}
			files[e.Path] = string(content)
		}
		if !before[e.Path] && (e.Layer != rootfs.System || e.Reason == "") {
			t.Errorf("%s is in the layer %s, because it %q", e.Path, e.Layer, e.Reason)
		}
	}
	for _, name := range []string{"var/lib/dpkg/status", "var/lib/dpkg/status.d", "usr/lib/apk/db/installed"} {
		if len(added.Reads) > 0 && !slices.Contains(added.Reads, filepath.Join(m.dir, filepath.FromSlash(name))) {
			t.Errorf("%s is not among the reads", name)
		}
	}
	return files, strings.Join(added.Notes, "\n")
}

// wants compares the added files with what is wanted.
func wants(t *testing.T, got, want map[string]string) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if text, ok := got[path]; !ok || text != want[path] {
			t.Errorf("%s is %q (%t), want %q", path, text, ok, want[path])
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("%s is in the image", path)
		}
	}
}

func sumLine(content, path string) string {
	return fmt.Sprintf("%x  %s\n", md5.Sum([]byte(content)), path)
}

// The database has the packages that have a file in the image, with these files alone, and the distribution's name.
func TestDeb(t *testing.T) {
	t.Parallel()
	m := image(t, debian(), "/usr/lib/libone.so.1", "/usr/lib/libone-extra.so", "/usr/lib/libtwo.so.2", "/usr/local/lib/libnone.so")
	files, notes := m.add(t)
	wants(t, files, map[string]string{
		"/var/lib/dpkg/status.d/libone":         "Package: libone\nSource: one\nVersion: 1:1-2~deb12u1\nArchitecture: amd64\nMaintainer: Ä. One <one@example.org>\n",
		"/var/lib/dpkg/status.d/libone.md5sums": sumLine("extra", "usr/lib/libone-extra.so") + sumLine("one", "usr/lib/libone.so.1"),
		"/var/lib/dpkg/status.d/two":            "Package: two\nSource: twosrc (2-1)\nVersion: 2-1+b1\nArchitecture: amd64\n",
		"/var/lib/dpkg/status.d/two.md5sums":    sumLine("two", "usr/lib/libtwo.so.2"),
		"/usr/lib/os-release":                   osReleaseOfDebian,
		"/etc/os-release":                       "-> ../usr/lib/os-release",
		"/etc/debian_version":                   "12.11\n",
	})
	if notes != "" {
		t.Errorf("the notes are %s", notes)
	}
	e, _ := m.Tree.Lookup("/var/lib/dpkg/status.d/two.md5sums")
	if name, list, ok := Listed(e); !ok || name != "two" || !slices.Equal(list, []string{"usr/lib/libtwo.so.2"}) {
		t.Errorf("listed are %q of %q (%t)", list, name, ok)
	}
	if chain, err := m.Tree.Chain(e.Path); err != nil || len(chain) != 2 || chain[0].Path != "/usr/lib/libtwo.so.2" {
		t.Errorf("the chain is %v (%v)", chain, err)
	}
}

// What has no database.
func TestNone(t *testing.T) {
	t.Parallel()
	rpm := map[string]string{"usr/lib/os-release": "ID=fedora\n", "usr/lib/libone.so.1": "one"}
	for name, m := range map[string]made{
		"files of no package": image(t, debian(), "/usr/local/lib/libnone.so"),
		"another system":      image(t, rpm, "/usr/lib/libone.so.1"),
	} {
		if files, notes := m.add(t); len(files) != 0 || notes != "" {
			t.Errorf("%s: added is %q (%s)", name, files, notes)
		}
	}
	off, static := image(t, debian(), "/usr/lib/libone.so.1"), image(t, debian(), "/usr/lib/libone.so.1")
	off.Plan.Supply.Packages, static.Libraries.Objects = false, make([]libraries.Object, 1)
	for name, m := range map[string]made{"Packages none": off, "a static program": static} {
		m.Owners = nil // no database is read
		if files, _ := m.add(t); len(files) != 0 {
			t.Errorf("%s: added is %q", name, files)
		}
	}
}

// A file of the user wins, over the whole database if it is dpkg's own.
func TestUser(t *testing.T) {
	t.Parallel()
	one := "/var/lib/dpkg/status.d/libone"
	for name, test := range map[string]struct {
		own  string
		with []string // of what is added otherwise
	}{
		"a package":             {one, []string{"/etc/debian_version", "/etc/os-release", "/usr/lib/os-release"}},
		"checksums":             {one + ".md5sums", []string{"/etc/debian_version", "/etc/os-release", "/usr/lib/os-release"}},
		"a database":            {"/var/lib/dpkg/status", []string{"/etc/debian_version", "/etc/os-release", "/usr/lib/os-release"}},
		"the distribution":      {"/etc/os-release", []string{one, one + ".md5sums"}},
		"the same, in /usr/lib": {"/usr/lib/os-release", []string{one, one + ".md5sums"}},
		"Debian's version":      {"/etc/debian_version", []string{"/etc/os-release", "/usr/lib/os-release", one, one + ".md5sums"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := image(t, debian(), "/usr/lib/libone.so.1")
			m.user(t, test.own)
			files, notes := m.add(t)
			if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, test.with) || notes != "" {
				t.Errorf("added is %q (%s), want %q", got, notes, test.with)
			}
			if content, err := fs.ReadFile(m.Tree, strings.TrimPrefix(test.own, "/")); err != nil || string(content) != "mine" {
				t.Errorf("the user's file is %q (%v)", content, err)
			}
		})
	}
	// Something that makes the database impossible is a warning.
	m := image(t, debian(), "/usr/lib/libone.so.1")
	m.user(t, "/var/lib/dpkg")
	if files, notes := m.add(t); files[one] != "" || !strings.Contains(notes, `"/var/lib/dpkg" is a file`) || !strings.Contains(notes, "\nfix: ") {
		t.Errorf("added is %q, with the notes %s", files, notes)
	}
}

// Two architectures of a package have files of their own.
func TestArchitectures(t *testing.T) {
	t.Parallel()
	m := image(t, map[string]string{
		"var/lib/dpkg/status": "Package: libx\nStatus: install ok installed\nMulti-Arch: same\nArchitecture: amd64\nVersion: 1\n\n" +
			"Package: libx\nStatus: install ok installed\nMulti-Arch: same\nArchitecture: i386\nVersion: 1\n",
		"var/lib/dpkg/info/libx:amd64.list": "/usr/lib/64/libx.so\n",
		"var/lib/dpkg/info/libx:i386.list":  "/usr/lib/32/libx.so\n",
		"usr/lib/64/libx.so":                "64", "usr/lib/32/libx.so": "32",
	}, "/usr/lib/64/libx.so", "/usr/lib/32/libx.so")
	files, _ := m.add(t)
	wants(t, files, map[string]string{
		"/var/lib/dpkg/status.d/libx":              "Package: libx\nVersion: 1\nArchitecture: amd64\n",
		"/var/lib/dpkg/status.d/libx.md5sums":      sumLine("64", "usr/lib/64/libx.so"),
		"/var/lib/dpkg/status.d/libx:i386":         "Package: libx\nVersion: 1\nArchitecture: i386\n",
		"/var/lib/dpkg/status.d/libx:i386.md5sums": sumLine("32", "usr/lib/32/libx.so"),
	})
}

// No value of a database can end a line, begin another field or entry, take the place of another file, or be endless.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	const status = "Package: %s\nStatus: install ok installed\nMaintainer: %s\nArchitecture: %s\nSource: %s\nVersion: %s\n"
	long := strings.Repeat("x", 1<<20)
	for name, test := range map[string]struct {
		name, maintainer, arch, source, version string
		kept                                    bool
	}{
		"good values":                {"libone", "A <a@b>", "amd64", "one (1)", "1-2", true},
		"checksums of another":       {"other.md5sums", "A", "amd64", "one", "1", false},
		"a return in a version":      {"libone", "A", "amd64", "one", "1\rPackage: evil", false},
		"a space in a version":       {"libone", "A", "amd64", "one", "1 2", false},
		"a line separator":           {"libone", "A", "amd64", "one\u2028Package: evil", "1", false},
		"a version of a source":      {"libone", "A", "amd64", "one (1)\x0bPackage: evil", "1", false},
		"an endless version":         {"libone", "A", "amd64", "one", long, false},
		"an endless name":            {long, "A", "amd64", "one", "1", false},
		"an endless source":          {"libone", "A", "amd64", long, "1", false},
		"an architecture with a dot": {"libone", "A", ".", "one", "1", false},
		"a pattern as a name":        {"lib*", "A", "amd64", "one", "1", false},
		"a return in a maintainer":   {"libone", "A\rPackage: evil", "amd64", "one", "1", true},
		"an endless maintainer":      {"libone", long, "amd64", "one", "1", true},
		"an escape in a maintainer":  {"libone", "A \x1b[2J", "amd64", "one", "1", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sysroot := map[string]string{"usr/lib/libone.so.1": "one", "usr/lib/os-release": "ID=debian\n"}
			sysroot["var/lib/dpkg/status.d/x"] = fmt.Sprintf(status, test.name, test.maintainer, test.arch, test.source, test.version)
			sysroot["var/lib/dpkg/status.d/x.md5sums"] = sumLine("one", "usr/lib/libone.so.1")
			m := image(t, sysroot, "/usr/lib/libone.so.1")
			files, notes := m.add(t)
			size := 0
			for path, text := range files {
				if size += len(text); strings.ContainsAny(text, "\r\x0b\x1b\u2028") || strings.Contains(text, "evil") {
					t.Errorf("%s is %.300q", path, text)
				}
			}
			if size > 2000 {
				t.Errorf("%d bytes were added", size)
			}
			_, kept := files["/var/lib/dpkg/status.d/"+test.name]
			if kept != test.kept || kept != (notes == "") || !kept && !strings.Contains(notes, "\nfix: ") {
				t.Errorf("it is listed: %t, with the notes %.300s", kept, notes)
			}
		})
	}
}

// The name of a file cannot begin a line either.
func TestHostilePaths(t *testing.T) {
	t.Parallel()
	evil := "/usr/lib/x\rPackage: evil.so"
	sysroot := debian()
	sysroot[evil[1:]] = "evil"
	sysroot["var/lib/dpkg/info/libone.list"] += evil + "\n"
	m := image(t, sysroot, "/usr/lib/libone.so.1", evil)
	files, notes := m.add(t)
	if got := files["/var/lib/dpkg/status.d/libone.md5sums"]; got != sumLine("one", "usr/lib/libone.so.1") {
		t.Errorf("the checksums are %q", got)
	}
	if !strings.Contains(notes, `x\rPackage: evil.so`) {
		t.Errorf("the notes are %q", notes)
	}
}

// The file that names the distribution is small, and may be only in one of its two places.
func TestDistro(t *testing.T) {
	t.Parallel()
	closed := image(t, debian(), "/usr/lib/libone.so.1")
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		if err := os.Chmod(filepath.Join(closed.dir, name), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if files, notes := closed.add(t); files["/usr/lib/os-release"] != "" || !strings.Contains(notes, "/etc/os-release: permission denied") {
		t.Errorf("of a file that not everybody may read, added is %q (%s)", files, notes)
	}
	for name, test := range map[string]struct {
		change func(sysroot map[string]string)
		want   string
		noted  bool
	}{
		"in /etc":     {func(s map[string]string) { delete(s, "usr/lib/os-release") }, osReleaseOfDebian, false},
		"in /usr/lib": {func(s map[string]string) { delete(s, "etc/os-release") }, osReleaseOfDebian, false},
		"two":         {func(s map[string]string) { s["etc/os-release"] = "ID=mine\n" }, "ID=mine\n", false},
		"none": {func(s map[string]string) {
			delete(s, "usr/lib/os-release")
			delete(s, "etc/os-release")
		}, "", false},
		"endless": {func(s map[string]string) {
			s["etc/os-release"] = strings.Repeat("#\n", 1<<20)
			delete(s, "usr/lib/os-release")
		}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sysroot := debian()
			test.change(sysroot)
			m := image(t, sysroot, "/usr/lib/libone.so.1")
			files, notes := m.add(t)
			link := "-> ../usr/lib/os-release"
			if test.want == "" {
				link = ""
			}
			if files["/usr/lib/os-release"] != test.want || files["/etc/os-release"] != link || (notes != "") != test.noted {
				t.Errorf("the files are %q and %q, with the notes %s", files["/usr/lib/os-release"], files["/etc/os-release"], notes)
			}
		})
	}
}

func apkSum(content string) string {
	sum := sha1.Sum([]byte(content))
	return "Z:Q1" + base64.StdEncoding.EncodeToString(sum[:]) + "\n"
}

// alpine are the files of a sysroot with two packages of apk.
func alpine() map[string]string {
	return map[string]string{
		"etc/os-release": "ID=alpine\nVERSION_ID=3.20.3\n",
		"lib/apk/db/installed": "C:Q1x=\nP:musl\nV:1.2.5-r1\nA:x86_64\nS:1\nL:MIT\no:musl\nm:Timo <timo@example.org>\nt:1700000000\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1x=\n\n" +
			"P:vips\nV:8.15.2-r1\nA:x86_64\nL:LGPL-2.1-or-later\no:vips\nF:usr/lib\nR:libvips.so.42\nF:usr/lib/vips/sub\nR:heif.so\nR:other.so\n",
		"lib/ld-musl-x86_64.so.1": "musl", "usr/lib/libvips.so.42": "vips", "usr/lib/vips/sub/heif.so": "heif",
	}
}

// apk's database has no times, and only what is in the image.
func TestAPK(t *testing.T) {
	t.Parallel()
	m := image(t, alpine(), "/lib/ld-musl-x86_64.so.1", "/usr/lib/vips/sub/heif.so", "/usr/lib/libvips.so.42")
	files, notes := m.add(t)
	wants(t, files, map[string]string{
		"/lib/apk/db/installed": "P:musl\nV:1.2.5-r1\nA:x86_64\nL:MIT\no:musl\nm:Timo <timo@example.org>\nF:lib\nR:ld-musl-x86_64.so.1\n" + apkSum("musl") + "\n" +
			"P:vips\nV:8.15.2-r1\nA:x86_64\nL:LGPL-2.1-or-later\no:vips\nF:usr/lib\nR:libvips.so.42\n" + apkSum("vips") + "F:usr/lib/vips/sub\nR:heif.so\n" + apkSum("heif") + "\n",
		"/usr/lib/os-release": "ID=alpine\nVERSION_ID=3.20.3\n",
		"/etc/os-release":     "-> ../usr/lib/os-release",
	})
	if notes != "" {
		t.Errorf("the notes are %s", notes)
	}
	for _, own := range []string{"/lib/apk/db/installed", "/usr/lib/apk/db/installed"} {
		m := image(t, alpine(), "/lib/ld-musl-x86_64.so.1")
		m.user(t, own)
		if files, notes := m.add(t); len(files) != 2 || notes != "" {
			t.Errorf("beside a database of the user's, added is %q (%s)", files, notes)
		}
	}
}

// onBase puts an image on a base with these files.
func (m *made) onBase(t *testing.T, files map[string]string) {
	t.Helper()
	m.Plan.Files.Base, m.Plan.Files.BaseName = ldd.DirFS(testkit.Module(t, files)), "base:1"
	spec := m.Plan.Files
	spec.Further = m.Tree.Entries()
	var err error
	if m.Tree, err = rootfs.Assemble(context.Background(), spec); err != nil {
		t.Fatal(err)
	}
}

// Of a base nothing is hidden: neither its packages nor its distribution.
func TestBase(t *testing.T) {
	t.Parallel()
	const dpkg, one, two = "/var/lib/dpkg/status", "/var/lib/dpkg/status.d/libone", "/var/lib/dpkg/status.d/two"
	distro := []string{"/etc/debian_version", "/etc/os-release", "/usr/lib/os-release"}
	libone := "Package: libone\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1-2~deb12u1\n"
	for name, test := range map[string]struct {
		base  map[string]string
		added []string
		note  string
	}{
		"without packages":         {map[string]string{"etc/passwd": "root:x:0:0:root:/root:\n"}, slices.Concat(distro, []string{one, one + ".md5sums", two, two + ".md5sums"}), ""},
		"of the same distribution": {map[string]string{"usr/lib/os-release": osReleaseOfDebian}, []string{one, one + ".md5sums", two, two + ".md5sums"}, ""},
		"of another release":       {map[string]string{"etc/os-release": "ID=debian\nVERSION_ID=11\n"}, nil, "the base base:1 is debian 11"},
		"with the same package":    {map[string]string{"etc/os-release": osReleaseOfDebian, dpkg[1:]: libone}, []string{two, two + ".md5sums"}, ""},
		"the same, distroless":     {map[string]string{"etc/os-release": osReleaseOfDebian, one[1:]: libone}, []string{two, two + ".md5sums"}, ""},
		"with another version":     {map[string]string{"etc/os-release": osReleaseOfDebian, one[1:]: strings.Replace(libone, "deb12u1", "deb12u2", 1)}, []string{one + ":amd64", one + ":amd64.md5sums", two, two + ".md5sums"}, ""},
		"with two versions": {map[string]string{"etc/os-release": osReleaseOfDebian, one[1:]: strings.Replace(libone, "deb12u1", "deb12u2", 1), one[1:] + ":amd64.md5sums": ""},
			[]string{two, two + ".md5sums"}, "there is another one of that name"},
		"with a broken database": {map[string]string{"etc/os-release": osReleaseOfDebian, "var/lib/rpm/rpmdb.sqlite": "none"}, []string{one, one + ".md5sums", two, two + ".md5sums"}, "may be listed twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := image(t, debian(), "/usr/lib/libone.so.1", "/usr/lib/libtwo.so.2")
			m.onBase(t, test.base)
			files, notes := m.add(t)
			if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, slices.Sorted(slices.Values(test.added))) {
				t.Errorf("added is %q, want %q", got, test.added)
			}
			if (notes == "") != (test.note == "") || !strings.Contains(notes, test.note) {
				t.Errorf("the notes are %q, want %q", notes, test.note)
			}
		})
	}
	m := image(t, alpine(), "/lib/ld-musl-x86_64.so.1")
	m.onBase(t, map[string]string{"etc/os-release": "ID=alpine\nVERSION_ID=3.20.3\n", "lib/apk/db/installed": "P:busybox\nV:1\nA:x86_64\n"})
	if files, notes := m.add(t); len(files) != 0 || !strings.Contains(notes, "do not see musl 1.2.5-r1 (x86_64)") {
		t.Errorf("beside a database of the base, added is %q (%s)", files, notes)
	}
}

// A database that makes no sense is a warning.
func TestBroken(t *testing.T) {
	t.Parallel()
	sysroot := debian()
	delete(sysroot, "var/lib/dpkg/info/two.list")
	m := image(t, sysroot, "/usr/lib/libone.so.1", "/usr/lib/libtwo.so.2")
	files, notes := m.add(t)
	if files["/var/lib/dpkg/status.d/libone"] == "" || !strings.Contains(notes, `"two"`) || !strings.Contains(notes, "\nfix: ") {
		t.Errorf("added is %q, with the notes %s", files, notes)
	}
	m = image(t, map[string]string{"usr/lib/libone.so.1": "one", "var/lib/rpm/rpmdb.sqlite": "none"}, "/usr/lib/libone.so.1")
	if files, notes := m.add(t); len(files) > 0 || !strings.Contains(notes, "do not see all packages") {
		t.Errorf("added is %q, with the notes %s", files, notes)
	}
	m = image(t, debian(), "/usr/lib/libone.so.1")
	if err := os.Remove(filepath.Join(m.dir, "usr/lib/libone.so.1")); err != nil {
		t.Fatal(err)
	}
	if _, err := Add(context.Background(), m.Image); err == nil {
		t.Error("a library that is gone is no error")
	}
}

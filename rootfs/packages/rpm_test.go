package packages

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// rpmSpec returns a spec for many small packages, including one with an epoch and one with so many files
// that its header needs several pages.
func rpmSpec() string {
	var b strings.Builder
	b.WriteString("Name: alpha\nEpoch: 1\nVersion: 1.2\nRelease: 3\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%description\nx\n")
	for i := range 40 {
		fmt.Fprintf(&b, "%%package -n beta-%d\nEpoch: 0\nVersion: %d\nSummary: x\nLicense: GPL-2.0-or-later\n%%description -n beta-%d\n%s\n", i, i, i, strings.Repeat("long ", 50*i))
	}
	b.WriteString("%install\nmkdir -p %{buildroot}/usr/lib64/many %{buildroot}/opt/empty %{buildroot}/usr/share/licenses/alpha\ncd %{buildroot}/usr/lib64\ntouch libalpha.so.1 $(seq -f many/plugin-with-a-long-name-%g.so 2000) ../share/licenses/alpha/COPYING\n")
	b.WriteString("for i in $(seq 0 39); do touch beta-$i.so; done\n%files\n/usr/lib64/libalpha.so.1\n/usr/lib64/many\n/opt/empty\n%license /usr/share/licenses/alpha/COPYING\n")
	for i := range 40 {
		fmt.Fprintf(&b, "%%files -n beta-%d\n/usr/lib64/beta-%d.so\n", i, i)
	}
	return b.String()
}

// makeRPMRoot makes a root with a real rpm database.
func makeRPMRoot(t *testing.T) string {
	t.Helper()
	need(t, "rpm", "rpmbuild")
	dir := t.TempDir()
	spec := filepath.Join(dir, "alpha.spec")
	if err := os.WriteFile(spec, []byte(rpmSpec()), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("rpmbuild", "-bb", "--quiet", "--define", "_topdir "+filepath.Join(dir, "top"), "--define", "_tmppath "+dir, spec)
	build.Env = append(os.Environ(), "HOME="+dir)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "top/RPMS/*/*.rpm"))
	if err != nil || len(files) != 41 {
		t.Fatalf("%d packages were built: %v", len(files), err)
	}
	root := t.TempDir()
	args := append([]string{"--dbpath", filepath.Join(root, "var/lib/rpm"), "-i", "--justdb", "--nodeps"}, files...)
	if out, err := exec.Command("rpm", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return root
}

// rpm writes a database. The packages in it are those that rpm lists.
func TestRPMReal(t *testing.T) {
	t.Parallel()
	root := makeRPMRoot(t)
	db, err := Open(ldd.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Err(); err != nil {
		t.Error(err)
	}
	dbpath := filepath.Join(root, "var/lib/rpm")
	var got []string
	for _, p := range db.All() {
		got = append(got, strings.Join([]string{p.Name, p.Version, p.Architecture, p.Licence, p.Source, p.SourceVersion}, "|"))
	}
	want := strings.Split(strings.TrimSpace(run(t, "rpm", "--dbpath", dbpath, "-qa", "--qf", "%{NAME}|%{EPOCH}:%{VERSION}-%{RELEASE}|%{ARCH}|%{LICENSE}|alpha|1.2-3\n")), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nrpm says\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, p := range db.All() {
		want := strings.Fields(run(t, "rpm", "--dbpath", dbpath, "-ql", p.Name))
		want = slices.DeleteFunc(want, func(f string) bool { return f == "/opt/empty" || f == "/usr/lib64/many" })
		slices.Sort(want)
		if got := db.Files(p); !slices.Equal(got, want) {
			t.Errorf("%v: got %d files, rpm says %d", p, len(got), len(want))
		}
	}
	if p, ok := db.Owner("/usr/lib64/many/plugin-with-a-long-name-1999.so"); !ok || p.Name != "alpha" || p.Version != "1:1.2-3" {
		t.Errorf("Owner() = %v, %t", p, ok)
	}
}

// smallRPMDB returns a database written by rpm 4.18: the package alpha with an epoch and a folder.
func smallRPMDB(t testing.TB) []byte {
	t.Helper()
	packed, err := os.ReadFile("testdata/rpmdb.sqlite.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The database is in different folders in Fedora, RHEL and ostree.
func TestRPMPlaces(t *testing.T) {
	t.Parallel()
	data := string(smallRPMDB(t))
	for _, dir := range []string{"var/lib/rpm/", "usr/lib/sysimage/rpm/", "usr/share/rpm/"} {
		db := open(t, map[string]string{
			dir + "rpmdb.sqlite":      data,
			dir + "rpmdb.sqlite-wal":  "",
			"lib64":                   "-> usr/lib64",
			"usr/lib64/libalpha.so":   "-> libalpha.so.1",
			"usr/lib64/libalpha.so.1": "",
		})
		want := Package{RPM, "alpha", "1:1.2-3", "noarch", "alpha", "1.2-3", "MIT", ""}
		if got := db.All(); !slices.Equal(got, []Package{want}) {
			t.Errorf("%s: All() = %v", dir, got)
		}
		if got := db.Files(want); !slices.Equal(got, []string{"/usr/lib64/alpha/plug.so", "/usr/lib64/libalpha.so.1"}) {
			t.Errorf("%s: Files() = %q", dir, got)
		}
		if p, ok := db.Owner("/lib64/libalpha.so"); !ok || p != want {
			t.Errorf("%s: Owner() = %v, %t", dir, p, ok)
		}
		if err := db.Err(); err != nil {
			t.Error(err)
		}
	}
}

// A database that is not read does not fail Open, but Err reports it.
func TestRPMUnread(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"Berkeley DB": {"var/lib/rpm/Packages": "x"},
		"NDB":         {"usr/lib/sysimage/rpm/Packages.db": "x"},
		"not closed":  {"var/lib/rpm/rpmdb.sqlite": string(smallRPMDB(t)), "var/lib/rpm/rpmdb.sqlite-wal": "frames"},
	} {
		db := open(t, files)
		if err := db.Err(); err == nil || !strings.Contains(err.Error(), "\nfix: ") {
			t.Errorf("%s: Err() = %v", name, err)
		}
	}
}

func TestSourceRPM(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][2]string{
		"glibc-2.34-60.el9.src.rpm":      {"glibc", "2.34-60.el9"},
		"java-17-openjdk-17.0-1.src.rpm": {"java-17-openjdk", "17.0-1"},
		"(none)":                         {},
		"a-b":                            {},
		"":                               {},
	} {
		if name, version := sourceRPM(file); name != want[0] || version != want[1] {
			t.Errorf("sourceRPM(%q) = %q, %q", file, name, version)
		}
	}
}

// Reading any database ends, with either packages or an error.
func FuzzRPM(f *testing.F) {
	data := smallRPMDB(f)
	f.Add(data)
	f.Add(data[:5000])
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := readRPMPackages(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, e := range entries {
			if _, err := e.list(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A page that refers to itself does not cause an endless loop.
func TestSQLiteLoops(t *testing.T) {
	t.Parallel()
	data := smallRPMDB(t)
	for page := 1; page < len(data)/4096; page++ {
		for _, kind := range []byte{interiorTable, leafTable} {
			bad := slices.Clone(data)
			at := (page - 1) * 4096
			if page == 1 {
				at = fileHeader
			}
			bad[at] = kind
			copy(bad[at+8:], []byte{0, 0, 0, byte(page)}) // its rightmost child
			if _, err := readRPMPackages(bytes.NewReader(bad), int64(len(bad))); err != nil && !errors.Is(err, errCorrupt) {
				t.Logf("page %d as %d: %v", page, kind, err)
			}
		}
	}
	if _, err := readRPMPackages(bytes.NewReader(data[:len(data)/2]), int64(len(data)/2)); err == nil {
		t.Log("half of a database has all packages") // they may be in the first half
	}
}

// oneTextHeader returns a header whose tags all point at one text.
func oneTextHeader(size int, tags ...uint32) rpmHeader {
	h := rpmHeader{data: append(bytes.Repeat([]byte("x"), size), 0)}
	for _, tag := range tags {
		for _, v := range []uint32{tag, rpmString, 0, 1} {
			h.index = binary.BigEndian.AppendUint32(h.index, v)
		}
	}
	return h
}

// The texts of a package are short, and count for the memory that all packages may take.
func TestLongTexts(t *testing.T) {
	for _, tag := range []uint32{tagName, tagVersion, tagRelease, tagLicence, tagArch, tagSourceRPM} {
		h := oneTextHeader(16<<20, tag)
		var err error
		if took := memoryOf(func() { _, err = rpmPackage(h) }); err == nil || took > 1<<20 {
			t.Errorf("tag %d took %d bytes, the error is %v", tag, took, err)
		}
	}
	if p, err := rpmPackage(oneTextHeader(maxText, tagName, tagLicence)); err != nil || len(p.Name) != maxText || len(p.Licence) != maxText {
		t.Errorf("the longest texts: %v", err)
	}
	left := 5 * maxText
	h := oneTextHeader(maxText, tagName, tagVersion, tagLicence)
	_, first := rpmEntry(h, &left)
	_, second := rpmEntry(h, &left)
	if first != nil || second == nil || !errors.Is(second, errCorrupt) {
		t.Errorf("a package of %d bytes fits into %d once: %v, %v", 3*maxText, 5*maxText, first, second)
	}
}

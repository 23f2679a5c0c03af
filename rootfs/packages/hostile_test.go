package packages

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// A package name is part of file names. With a slash in it, it could name any file of the sysroot.
func TestNamesOfPackages(t *testing.T) {
	status := func(name, arch string) string {
		return fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: %s\nVersion: 1\n", name, arch)
	}
	for name, tt := range map[string]struct {
		files map[string]string
		ok    bool
	}{
		"a normal name":              {map[string]string{"var/lib/dpkg/status": status("libstdc++6", "amd64")}, true},
		"a slash, dpkg":              {map[string]string{"var/lib/dpkg/status": status("../../../etc/x", "amd64")}, false},
		"a slash in an architecture": {map[string]string{"var/lib/dpkg/status": status("x", "../amd64")}, false},
		"a control character":        {map[string]string{"var/lib/dpkg/status": status("x\x1b[2J", "amd64")}, false},
		"the parent folder":          {map[string]string{"var/lib/dpkg/status": status("..", "amd64")}, false},
		"a slash, distroless":        {map[string]string{"var/lib/dpkg/status.d/x": status("a/b", "amd64")}, false},
		"a slash, apk":               {map[string]string{"lib/apk/db/installed": "P:a/../b\nV:1\nA:x86_64\nF:etc\nR:x\n"}, false},
		"a normal name of apk":       {map[string]string{"lib/apk/db/installed": "P:so:libc.musl-x86_64.so.1\nV:1\nA:x86_64\nF:etc\nR:x\n"}, true},
		"invalid UTF-8":              {map[string]string{"lib/apk/db/installed": "P:a\xff\nV:1\nA:x86_64\nF:etc\nR:x\n"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, tt.files)
			if got := len(db.All()) == 1; got != tt.ok {
				t.Errorf("the packages are %q", db.All())
			}
			if !tt.ok && (db.Err() == nil || !strings.Contains(db.Err().Error(), "left out")) {
				t.Errorf("the error is %v", db.Err())
			}
		})
	}
}

// Sparse lists, however many there are, take a limited amount of memory.
func TestSparseLists(t *testing.T) {
	var status strings.Builder
	files := map[string]string{}
	for i := range 5 {
		name := fmt.Sprintf("p%d", i)
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n", name)
		files["var/lib/dpkg/info/"+name+".list"] = "/usr/lib/" + name + ".so\n"
	}
	files["var/lib/dpkg/status"] = status.String()
	root := tree(t, files)
	for i := range 5 {
		if err := os.Truncate(filepath.Join(root, fmt.Sprintf("var/lib/dpkg/info/p%d.list", i)), maxList); err != nil {
			t.Fatal(err)
		}
	}
	db, err := Open(ldd.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	db.Owner("/usr/lib/p1.so")
	if db.Err() == nil || !strings.Contains(db.Err().Error(), "bytes together") {
		t.Errorf("the error is %v", db.Err())
	}
}

// A header may have as many empty names as it has NULs. Each takes more memory than its one byte.
func TestNamesOfNothing(t *testing.T) {
	const n = 8 << 20
	entry := func(tag, kind, off, count uint32) []byte {
		var b []byte
		for _, v := range []uint32{tag, kind, off, count} {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		return b
	}
	h := rpmHeader{
		index: slices.Concat(entry(tagName, rpmStringArray, 0, n), entry(tagBaseNames, rpmStringArray, 0, n), entry(tagEpoch, rpmInt8, 0, n), entry(tagDirNames, rpmString, 0, 1), entry(tagDirIndexes, rpmInt8, 0, n)),
		data:  make([]byte, n),
	}
	if took := memoryOf(func() { _, _ = rpmPackage(h) }); took > 1<<20 {
		t.Errorf("the name of a package took %d bytes", took)
	}
	left := maxPaths
	if took := memoryOf(func() { rpmFiles(h, &left) }); left >= 0 || took > 200<<20 {
		t.Errorf("%d bytes are left of %d, and %d bytes of memory were taken", left, maxPaths, took)
	}
}

// A short line takes more memory than its bytes.
func TestShortLines(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"paragraphs of dpkg": {"var/lib/dpkg/status": strings.Repeat("Package:a\n\n", maxLines/2+1)},
		"files of dpkg": {
			"var/lib/dpkg/status":      "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n",
			"var/lib/dpkg/info/a.list": strings.Repeat("/a\n", maxLines+1),
		},
		"files of apk": {"lib/apk/db/installed": "P:a\nV:1\nA:all\nF:\n" + strings.Repeat("R:\n", maxLines)},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := Open(ldd.DirFS(tree(t, files)))
			if err == nil {
				db.Owner("/a")
				err = db.Err()
			}
			if err == nil || !strings.Contains(err.Error(), "lines together") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// memoryOf returns how many bytes of memory a function allocates, including freed ones.
func memoryOf(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// countedError counts how often its text is asked for.
type countedError struct {
	text  string
	calls *int
}

func (e countedError) Error() string { *e.calls++; return e.text }

// Thousands of errors are compared with a set, not with each other, and only the first of them are kept. Those that were
// there before are not counted again.
func TestManyErrors(t *testing.T) {
	t.Parallel()
	const n = 2000
	var db DB
	calls := 0
	for range 2 {
		for i := range n {
			db.fail(countedError{fmt.Sprintf("the list of package %d is missing", i), &calls})
		}
	}
	if calls > 2*2*n {
		t.Errorf("the texts of %d errors were asked for %d times", 2*n, calls)
	}
	text := db.Err().Error()
	if lines, want := strings.Count(text, "\n")+1, fmt.Sprintf("and %d more errors", n-maxErrors); lines != maxErrors+1 || !strings.HasSuffix(text, want) {
		t.Errorf("there are %d lines, and the text does not end with %q: %.300s", lines, want, text[max(0, len(text)-300):])
	}
}

// Which errors are shown does not depend on which list was read first.
func TestManyMissingLists(t *testing.T) {
	t.Parallel()
	var status strings.Builder
	for i := range 3 * maxErrors {
		fmt.Fprintf(&status, "Package: p%03d\nVersion: 1\n\n", i)
	}
	db := open(t, map[string]string{"var/lib/dpkg/status": status.String()})
	db.Owner("/x")
	lines := strings.Split(db.Err().Error(), "\n")
	for i, line := range lines[:len(lines)-1] {
		if !strings.Contains(line, fmt.Sprintf(`"p%03d"`, i)) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	if len(lines) != maxErrors+1 {
		t.Errorf("there are %d lines", len(lines))
	}
}

// The index takes memory for the files that packages have, not for those that most packages have.
func TestPackagesWithoutFiles(t *testing.T) {
	const n = 100_000
	var db DB
	db.lists = make([][]string, n)
	db.lists[0] = []string{"/usr/lib/a.so", "/usr/share/a"}
	took := memoryOf(func() {
		for i := range db.owners {
			db.owners[i].fill(i, db.lists)
		}
	})
	if took > 8<<20 {
		t.Errorf("two indices of two files took %d bytes", took)
	}
}

package packages

import (
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

// memFS is a sysroot in memory without links.
type memFS struct{ fstest.MapFS }

func (m memFS) Lstat(name string) (fs.FileInfo, error) { return m.MapFS.Stat(name) }
func (m memFS) ReadLink(name string) (string, error) {
	return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
}

// query opens a database and queries everything. The answers must be consistent, whatever the files
// contain.
func query(t *testing.T, files map[string][]byte) {
	m := memFS{fstest.MapFS{}}
	for name, content := range files {
		m.MapFS[name] = &fstest.MapFile{Data: content, Mode: 0o644}
	}
	db, err := Open(m)
	if err != nil {
		return
	}
	for _, p := range db.All() {
		if p.Name == "" || strings.Contains(p.Name, "/") {
			t.Fatalf("a package has the name %q", p.Name)
		}
		if _, ok := db.Lookup(p.Name); !ok && !strings.Contains(p.Name, ":") {
			t.Fatalf("the package %q is not found", p.Name)
		}
		for _, file := range db.Files(p) {
			if strings.HasPrefix(file, "/") && path.Clean(file) == file {
				db.Owner(file)
			}
		}
		db.Copyright(p)
	}
	db.Owner("/usr/lib/libc.so.6")
	_ = db.Err()
}

func FuzzDeb(f *testing.F) {
	f.Add([]byte(debStatus), []byte("/.\n/lib\n/lib/libc.so.6\n"), []byte("/bin/sh\n/bin/sh.distrib\ndash\n"))
	f.Add([]byte("Package: a\n\nPackage: a/b\nSource: x (1"), []byte("/a\n/a/b\n//\n"), []byte("\n\n\n"))
	f.Fuzz(func(t *testing.T, status, list, diversions []byte) {
		query(t, map[string][]byte{
			"var/lib/dpkg/status": status, "var/lib/dpkg/diversions": diversions,
			"var/lib/dpkg/info/libc6:amd64.list": list, "var/lib/dpkg/info/other.list": list, "var/lib/dpkg/info/a.list": list,
		})
	})
}

func FuzzDistroless(f *testing.F) {
	f.Add([]byte("Package: base\nVersion: 1\nArchitecture: amd64\n"), []byte("0123  usr/lib/x\n  /y\n"))
	f.Fuzz(func(t *testing.T, paragraph, sums []byte) {
		query(t, map[string][]byte{"var/lib/dpkg/status.d/base": paragraph, "var/lib/dpkg/status.d/base.md5sums": sums})
	})
}

func FuzzAPK(f *testing.F) {
	f.Add([]byte("P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\nF:\nR:x\n\nP:a\n"))
	f.Fuzz(func(t *testing.T, installed []byte) { query(t, map[string][]byte{"lib/apk/db/installed": installed}) })
}

func FuzzRPMHeader(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x03\xe8\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x01a\x00"))
	f.Fuzz(func(t *testing.T, blob []byte) {
		h, err := parseHeader(blob)
		if err != nil {
			return
		}
		left := 1 << 20
		_, _ = rpmEntry(h, &left)
	})
}

package packages

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// The name of a package is part of a file's name; one with a slash would name a file anywhere in the sysroot.
func TestNamesOfPackages(t *testing.T) {
	status := func(name, arch string) string {
		return fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: %s\nVersion: 1\n", name, arch)
	}
	for name, tt := range map[string]struct {
		files map[string]string
		ok    bool
	}{
		"a usual one":                 {map[string]string{"var/lib/dpkg/status": status("libstdc++6", "amd64")}, true},
		"a slash, dpkg":               {map[string]string{"var/lib/dpkg/status": status("../../../etc/x", "amd64")}, false},
		"a slash in an architecture":  {map[string]string{"var/lib/dpkg/status": status("x", "../amd64")}, false},
		"a control character":         {map[string]string{"var/lib/dpkg/status": status("x\x1b[2J", "amd64")}, false},
		"the folder above":            {map[string]string{"var/lib/dpkg/status": status("..", "amd64")}, false},
		"a slash, distroless":         {map[string]string{"var/lib/dpkg/status.d/x": status("a/b", "amd64")}, false},
		"a slash, apk":                {map[string]string{"lib/apk/db/installed": "P:a/../b\nV:1\nA:x86_64\nF:etc\nR:x\n"}, false},
		"a usual one of apk":          {map[string]string{"lib/apk/db/installed": "P:so:libc.musl-x86_64.so.1\nV:1\nA:x86_64\nF:etc\nR:x\n"}, true},
		"what is no text in any code": {map[string]string{"lib/apk/db/installed": "P:a\xff\nV:1\nA:x86_64\nF:etc\nR:x\n"}, false},
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

// Lists with holes, as many as one likes, take no more memory than a bound.
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

package ldd

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// listing counts how many folders are opened.
type listing struct {
	FS
	opened *int
}

func (l listing) Open(name string) (fs.File, error) {
	if info, err := l.FS.Lstat(name); err == nil && info.IsDir() {
		*l.opened++
	}
	return l.FS.Open(name)
}

// A configuration of a few kilobytes can ask for the same large folder thousands of times.
func TestIncludesAreBounded(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"etc/ld.so.conf":          strings.Repeat("include ld.so.conf.d/*.none\n", 50*maxIncludes) + "/opt/lib\n",
		"etc/ld.so.conf.d/a.conf": "/opt/other\n",
		"opt/lib/x":               "",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	opened := 0
	l := &ldconfig{sys: newWalker(listing{DirFS(root), &opened}), seen: map[string]bool{}}
	l.parse("/etc/ld.so.conf")
	if opened > 2*maxIncludes {
		t.Errorf("%d folders were listed", opened)
	}
	if len(l.dirs) != 1 || l.dirs[0] != "/opt/lib" {
		t.Errorf("the folders are %q", l.dirs)
	}
}

// A configuration names folders that are not there: not each of them is looked for, and what a walker has seen stays in
// memory. A pattern that is longer than any name is not compared with each name.
func TestFoldersAreBounded(t *testing.T) {
	var conf strings.Builder
	for i := range 20 * maxFolders {
		fmt.Fprintf(&conf, "/no%d\n", i)
	}
	root := t.TempDir()
	for name, content := range map[string]string{
		"etc/ld.so.conf": "include [" + strings.Repeat("a", 2*maxName) + "].conf\n/opt/lib\n" + conf.String(),
		"etc/a.conf":     "/opt/other\n",
		"opt/lib/x":      "",
		"opt/other/x":    "",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l := &ldconfig{sys: newWalker(DirFS(root)), seen: map[string]bool{}}
	l.parse("/etc/ld.so.conf")
	if n := len(l.sys.nodes); n > 2*maxFolders {
		t.Errorf("%d names were looked at", n)
	}
	if len(l.dirs) != 1 || l.dirs[0] != "/opt/lib" {
		t.Errorf("the folders are %q", l.dirs)
	}
}

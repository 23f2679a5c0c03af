package rootfs

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// longAgo is the time of files that did not change recently.
var longAgo = time.Date(2020, 2, 3, 4, 5, 6, 789, time.UTC)

// writeOld writes a host file that did not change recently.
func writeOld(t *testing.T, dir, name, content string, mode fs.FileMode) Source {
	t.Helper()
	p := write(t, dir, name, content, mode)
	if err := os.Chtimes(p, longAgo, longAgo); err != nil {
		t.Fatal(err)
	}
	return HostFile(p)
}

// sample returns a tree with all kinds of entries. Its host file is in src.
func sample(t *testing.T, src string) *Tree {
	t.Helper()
	tree := makeTree(t, "/lib -> usr/lib", "/etc/passwd=root", "/empty=", "/l -> /etc/passwd")
	for _, e := range []Entry{
		{Path: "/usr/lib/libc.so", Mode: 0o755, Source: writeOld(t, src, "libc", "libc", 0o600)},
		{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Path: "/root", Mode: fs.ModeDir | 0o700},
		{Path: "/ro/sub", Mode: fs.ModeDir | 0o555, UID: 7},
		{Path: "/ro", Mode: fs.ModeDir | 0o555},
		{Path: "/ro/sub/f", Mode: fs.ModeSetuid | 0o555, UID: 7, Source: Bytes([]byte("f"))},
	} {
		if err := tree.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

const sampleOnDisk = `
	empty -rw-r--r-- ""
	etc drwxr-xr-x
	etc/passwd -rw-r--r-- "root"
	l -> /etc/passwd
	lib -> usr/lib
	ro drwxr-xr-x
	ro/sub drwxr-xr-x
	ro/sub/f -r-xr-xr-x "f"
	root drwx------
	tmp drwxrwxrwx
	usr drwxr-xr-x
	usr/lib drwxr-xr-x
	usr/lib/libc.so -rwxr-xr-x "libc"`

// disk lists the content of a folder, one line per entry.
func disk(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprint(&b, filepath.ToSlash(rel))
		switch {
		case info.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(p)
			fmt.Fprintf(&b, " -> %s\n", target)
			return err
		case info.Mode().IsRegular():
			content, err := os.ReadFile(p)
			fmt.Fprintf(&b, " %s %q\n", info.Mode(), content)
			return err
		}
		fmt.Fprintf(&b, " %s\n", info.Mode())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func writeDirTo(t *testing.T, tree *Tree, dir string) {
	t.Helper()
	if err := tree.WriteDir(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
}

// fileStates returns everything that must not change in files that are left alone.
func fileStates(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(p)
		m[p] = fmt.Sprintf("%s %d %s %v", info.Mode(), info.Size(), info.ModTime(), inode(info))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWriteDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dist", "app", "rootfs")
	tree := sample(t, t.TempDir())
	writeDirTo(t, tree, dir)
	want(t, disk(t, dir), sampleOnDisk)

	before := fileStates(t, dir)
	writeDirTo(t, tree, dir)
	after := fileStates(t, dir)
	for p, s := range before {
		if after[p] != s {
			t.Errorf("the second run changed %s: %s, then %s", p, s, after[p])
		}
	}
	if info, err := os.Lstat(filepath.Join(dir, "usr/lib/libc.so")); err != nil || !info.ModTime().Equal(longAgo) {
		t.Errorf("time of a copy: %v, %v, want its source's", info.ModTime(), err)
	}
}

func TestWriteDirEmptyTree(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/b", "x", 0o644)
	writeDirTo(t, new(Tree), dir)
	want(t, disk(t, dir), "")
}

// WriteDir gives the same result whatever was in the folder before.
func TestWriteDirOver(t *testing.T) {
	tests := []struct {
		name   string
		before func(t *testing.T, dir string)
	}{
		{"unnamed files", func(t *testing.T, dir string) {
			write(t, dir, "x/y/z", "x", 0o644)
			write(t, dir, "usr/lib/old.so", "x", 0o444)
			write(t, dir, ".fromscratch-123/file", "half", 0o644)
			symlink(t, "/etc", filepath.Join(dir, "usr/gone"))
		}},
		{"a folder for a file", func(t *testing.T, dir string) { write(t, dir, "etc/passwd/x/y", "x", 0o644) }},
		{"a file for a folder", func(t *testing.T, dir string) { write(t, dir, "etc", "x", 0o644) }},
		{"a folder for a link", func(t *testing.T, dir string) { write(t, dir, "lib/libc.so", "x", 0o644) }},
		{"a file for a link", func(t *testing.T, dir string) { write(t, dir, "lib", "x", 0o644) }},
		{"another link", func(t *testing.T, dir string) { symlink(t, "elsewhere", filepath.Join(dir, "lib")) }},
		{"other contents", func(t *testing.T, dir string) {
			write(t, dir, "etc/passwd", "toor", 0o644)
			write(t, dir, "usr/lib/libc.so", "LIBC", 0o755)
			write(t, dir, "empty", "full", 0o644)
		}},
		{"other modes", func(t *testing.T, dir string) {
			write(t, dir, "etc/passwd", "root", 0o600)
			write(t, dir, "ro/sub/f", "f", 0o755|fs.ModeSetuid)
			if err := os.Chmod(filepath.Join(dir, "etc"), 0o777|fs.ModeSticky); err != nil {
				t.Fatal(err)
			}
		}},
		{"read-only folders", func(t *testing.T, dir string) {
			write(t, dir, "ro/sub/f", "old", 0o444)
			write(t, dir, "gone/sub/f", "old", 0o444)
			for _, p := range []string{"ro/sub", "ro", "gone/sub", "gone", "."} {
				if err := os.Chmod(filepath.Join(dir, p), 0o555); err != nil {
					t.Fatal(err)
				}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tt.before(t, dir)
			writeDirTo(t, sample(t, t.TempDir()), dir)
			want(t, disk(t, dir), sampleOnDisk)
		})
	}
}

// A program that was built in place is unchanged, and so is its mode.
func TestWriteDirInPlace(t *testing.T) {
	dir := t.TempDir()
	binary := write(t, dir, "hello", "ELF", 0o700)
	var tree Tree
	if err := tree.Add(Entry{Path: "/hello", Mode: 0o755, Source: HostFile(binary)}); err != nil {
		t.Fatal(err)
	}
	before := fileStates(t, dir)
	writeDirTo(t, &tree, dir)
	if after := fileStates(t, dir); after[binary] != before[binary] {
		t.Errorf("%s, was %s", after[binary], before[binary])
	}
}

// A source in the folder itself, at a path that the tree does not name, is copied before it is removed.
func TestWriteDirSourceInside(t *testing.T) {
	dir := t.TempDir()
	var tree Tree
	if err := tree.Add(Entry{Path: "/z/hello", Mode: 0o755, Source: HostFile(write(t, dir, "a/hello", "ELF", 0o755))}); err != nil {
		t.Fatal(err)
	}
	writeDirTo(t, &tree, dir)
	want(t, disk(t, dir), "z drwxr-xr-x\nz/hello -rwxr-xr-x \"ELF\"")
}

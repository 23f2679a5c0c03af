package rootfs

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func makeTree(t *testing.T, list ...string) *Tree {
	t.Helper()
	tree := new(Tree)
	for _, s := range list {
		if err := tree.Add(entry(s)); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

func TestTreeIsFS(t *testing.T) {
	if err := fstest.TestFS(new(Tree)); err != nil {
		t.Errorf("the empty tree: %v", err)
	}
	tree := makeTree(t, "/etc/passwd=root", "/etc/empty=", "/tmp/", "/usr/share/zoneinfo/UTC=TZif", "/hello=x")
	name := write(t, t.TempDir(), "f", strings.Repeat("host ", 1000), 0o644)
	if err := tree.Add(Entry{Path: "/host", Mode: 0o600, Source: HostFile(name)}); err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, "etc/passwd", "etc/empty", "tmp", "usr/share/zoneinfo/UTC", "hello", "host"); err != nil {
		t.Error(err)
	}
}

func TestTreeFSLinks(t *testing.T) {
	tree := makeTree(t, "/lib -> usr/lib", "/usr/lib/x=1", "/usr/lib/y -> ../lib/x", "/a/l -> /lib/y", "/dangling -> none", "/loop -> loop")
	for _, name := range []string{"lib/x", "none", "dangling/x", "usr/lib/x/y"} {
		if _, err := tree.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v, want not exist", name, err)
		}
		if _, err := tree.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Lstat(%q): %v, want not exist", name, err)
		}
	}
	if _, err := tree.Open("lib"); err == nil {
		t.Error("Open follows a link")
	}
	if target, err := tree.ReadLink("lib"); target != "usr/lib" || err != nil {
		t.Errorf("ReadLink: %q, %v", target, err)
	}
	if _, err := tree.ReadLink("usr"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("ReadLink of a folder: %v", err)
	}
	for name, size := range map[string]int64{"lib/x": 1, "a/l": 1, "lib/y": 1, "usr/lib/x": 1} {
		if info, err := tree.Stat(name); err != nil || info.Size() != size || !info.Mode().IsRegular() {
			t.Errorf("Stat(%q): %v, %v", name, info, err)
		}
	}
	for _, name := range []string{"dangling", "none", "a/none", "loop", "usr/lib/x/y"} {
		if info, err := tree.Stat(name); err == nil {
			t.Errorf("Stat(%q) is %v", name, info)
		}
	}
}

func TestTreeFilesAreReaderAt(t *testing.T) {
	host := write(t, t.TempDir(), "f", "0123456789", 0o644)
	inner := makeTree(t, "/in=0123456789")
	for name, s := range map[string]Source{
		"memory": Bytes([]byte("0123456789")), "host": HostFile(host), "sysroot": SysrootFile(inner, "/in"),
	} {
		t.Run(name, func(t *testing.T) {
			var tree Tree
			if err := tree.Add(Entry{Path: "/f", Mode: 0o644, Source: s}); err != nil {
				t.Fatal(err)
			}
			f, err := tree.Open("f")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			at, ok := f.(io.ReaderAt)
			if !ok {
				t.Fatal("not a ReaderAt")
			}
			b := make([]byte, 3)
			if _, err := at.ReadAt(b, 4); err != nil || string(b) != "456" {
				t.Errorf("read %q, %v", b, err)
			}
		})
	}
}

// archive/tar takes owners and modes from the tree.
func TestTreeIntoTar(t *testing.T) {
	tree := new(Tree)
	for _, e := range []Entry{
		{Path: "/data", Mode: fs.ModeDir | 0o755, UID: 65534, GID: 65533},
		{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Path: "/su", Mode: fs.ModeSetuid | 0o755, UID: 7, Source: Bytes([]byte("x"))},
	} {
		if err := tree.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := errors.Join(w.AddFS(tree), w.Close()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(&buf); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		e, _ := tree.Lookup("/" + strings.TrimSuffix(h.Name, "/"))
		if h.Name == "./" || h.Name == "." {
			continue
		}
		if h.Uid != e.UID || h.Gid != e.GID || h.Mode != unixMode(e.Mode) || !h.ModTime.Equal(fileInfo{}.ModTime()) {
			t.Errorf("%s: %+v, want %v", h.Name, h, e)
		}
		got = append(got, h.Name)
	}
	if len(got) != 3 {
		t.Errorf("tar has %q", got)
	}
}

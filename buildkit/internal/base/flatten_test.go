package base

import (
	"archive/tar"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// entry is an entry of a layer: "dir/", "file=content", "link->target", "hard=>target".
type entry string

func (e entry) header() (tar.Header, string) {
	h := tar.Header{Name: string(e), Mode: 0o644, Uid: 7, Gid: 8, Typeflag: tar.TypeReg}
	if name, to, ok := strings.Cut(string(e), "->"); ok {
		h.Name, h.Linkname, h.Typeflag = name, to, tar.TypeSymlink
		return h, ""
	}
	if name, to, ok := strings.Cut(string(e), "=>"); ok {
		h.Name, h.Linkname, h.Typeflag = name, to, tar.TypeLink
		return h, ""
	}
	if strings.HasSuffix(string(e), "/") {
		h.Typeflag, h.Mode = tar.TypeDir, 0o1750
		return h, ""
	}
	name, content, _ := strings.Cut(string(e), "=")
	h.Name, h.Size = name, int64(len(content))
	return h, content
}

func layerFile(t testing.TB, entries ...entry) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "layer.tar")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(f)
	for _, e := range entries {
		h, content := e.header()
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// shown lists a file system: "dir/", "file=content", "link->target".
func shown(t *testing.T, f *FS, dir string) []string {
	t.Helper()
	folder, err := f.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := folder.(fs.ReadDirFile).ReadDir(-1)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range list {
		name := strings.TrimPrefix(dir+"/"+e.Name(), "./")
		switch e.Type() {
		case fs.ModeDir:
			all = append(append(all, name+"/"), shown(t, f, name)...)
		case fs.ModeSymlink:
			to, err := f.ReadLink(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, name+"->"+to)
		default:
			content, err := fs.ReadFile(f, name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, name+"="+string(content))
		}
	}
	return all
}

func TestFlatten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		layers [][]entry
		want   []string
	}{
		{"a layer over another", [][]entry{{"a=1", "b=1", "d/", "d/x=1"}, {"b=2", "d/", "d/y=2"}}, []string{"a=1", "b=2", "d/", "d/x=1", "d/y=2"}},
		{"whiteout of a file", [][]entry{{"a=1", "b=1"}, {".wh.a"}}, []string{"b=1"}},
		{"whiteout of a folder", [][]entry{{"d/", "d/x=1", "d/e/", "d/e/y=1"}, {".wh.d"}}, nil},
		{"whiteout of what is not there", [][]entry{{"a=1"}, {".wh.b"}}, []string{"a=1"}},
		{"whiteout after its own layer's file", [][]entry{{"a=1"}, {"a=2", ".wh.a"}}, []string{"a=2"}},
		{"whiteout before its own layer's file", [][]entry{{"d/", "d/x=1"}, {".wh.d", "d/", "d/y=2"}}, []string{"d/", "d/y=2"}},
		{"opaque", [][]entry{{"d/", "d/x=1", "d/e/", "d/e/z=1"}, {"d/", "d/y=2", "d/.wh..wh..opq"}}, []string{"d/", "d/y=2"}},
		{"opaque of two layers", [][]entry{{"d/x=1"}, {"d/y=2"}, {"d/.wh..wh..opq"}}, []string{"d/"}},
		{"marks of aufs", [][]entry{{".wh..wh.aufs", ".wh..wh.plnk/", "a=1"}}, []string{"a=1"}},
		{"a file becomes a folder", [][]entry{{"a=1"}, {"a/", "a/x=2"}}, []string{"a/", "a/x=2"}},
		{"a folder becomes a file", [][]entry{{"a/", "a/x=1"}, {"a=2"}}, []string{"a=2"}},
		{"a folder becomes a link", [][]entry{{"a/", "a/x=1", "b/"}, {"a->b"}}, []string{"a->b", "b/"}},
		{"through a link", [][]entry{{"usr/", "usr/lib/", "lib->usr/lib"}, {"lib/x=2"}}, []string{"lib->usr/lib", "usr/", "usr/lib/", "usr/lib/x=2"}},
		{"through an absolute link", [][]entry{{"run/", "var/", "var/run->/run"}, {"var/run/x=2"}}, []string{"run/", "run/x=2", "var/", "var/run->/run"}},
		{"a link out of the root", [][]entry{{"d/", "d/up->../../../../etc"}, {"d/up/passwd=2"}}, []string{"d/", "d/up->../../../../etc", "etc/", "etc/passwd=2"}},
		{"names out of the root", [][]entry{{"../../x=1", "/y=1", "./z=1", "a/../../b=1"}}, []string{"b=1", "x=1", "y=1", "z=1"}},
		{"hard links", [][]entry{{"a=1", "b=>a"}, {"c=>b", "a=2"}}, []string{"a=2", "b=1", "c=1"}},
		{"whiteout of one of two names", [][]entry{{"a=1", "b=>a"}, {".wh.a"}}, []string{"b=1"}},
		{"a hard link is of its own layer", [][]entry{{"a=1"}, {"b=>a", ".wh.b"}}, []string{"a=1", "b=1"}},
		{"not UTF-8", [][]entry{{"\xff=1", "a=1"}}, []string{"a=1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var files []string
			for _, entries := range tt.layers {
				files = append(files, layerFile(t, entries...))
			}
			f, err := Flatten(context.Background(), files)
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(t, f, "."); !slices.Equal(got, tt.want) {
				t.Errorf("there is\n%q\nwant\n%q", got, tt.want)
			}
		})
	}
}

func TestFlattenKeepsOwnersAndModes(t *testing.T) {
	t.Parallel()
	f, err := Flatten(context.Background(), []string{layerFile(t, "d/", "d/x=1", "l->d")})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"d": "dtrwxr-x--- 7:8", "d/x": "-rw-r--r-- 7:8", "l": "Lrwxrwxrwx 7:8"} {
		info, err := f.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		h := info.Sys().(*tar.Header)
		if got := fmt.Sprintf("%s %d:%d", info.Mode(), h.Uid, h.Gid); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestFlattenRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		entries []entry
		want    string
	}{
		{"links in a circle", []entry{"a->b", "b->a", "a/x=1"}, "too many links"},
		{"below a file", []entry{"a=1", "a/x=1"}, "no folder"},
		{"a hard link to nothing", []entry{"a=>b"}, "hard link"},
		{"a hard link to a folder", []entry{"d/", "a=>d"}, "hard link"},
		{"a long path", []entry{entry(strings.Repeat("a/", 300) + "x=1")}, "too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Flatten(context.Background(), []string{layerFile(t, tt.entries...)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// A truncated layer is an error, even if only a file's bytes are missing, which are skipped.
func TestFlattenOfHalfALayer(t *testing.T) {
	t.Parallel()
	name := layerFile(t, entry("a="+strings.Repeat("x", 4096)), "b=1")
	if err := os.Truncate(name, 2048); err != nil {
		t.Fatal(err)
	}
	if _, err := Flatten(context.Background(), []string{name}); err == nil {
		t.Error("half a layer was read without an error")
	}
}

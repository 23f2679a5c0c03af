package rootfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A planted link never makes WriteDir write or remove anything outside of the folder.
func TestWriteDirPlantedLinks(t *testing.T) {
	for _, planted := range []string{"etc", "etc/passwd", "usr", "usr/lib", "usr/lib/libc.so", "ro", "ro/sub", "tmp", "lib", "unnamed", "usr/lib/unnamed"} {
		t.Run(planted, func(t *testing.T) {
			outside := t.TempDir()
			for _, f := range []string{"passwd", "libc.so", "lib/libc.so", "sub/f", "f"} {
				write(t, outside, f, "outside", 0o600)
			}
			dir := t.TempDir()
			symlink(t, outside, filepath.Join(dir, planted))
			before := fileStates(t, outside)
			writeDirTo(t, sample(t, t.TempDir()), dir)
			want(t, disk(t, dir), sampleOnDisk)
			after := fileStates(t, outside)
			if len(after) != len(before) {
				t.Errorf("outside is %v, was %v", after, before)
			}
			for p, s := range before {
				if after[p] != s {
					t.Errorf("outside %s is %q, was %q", p, after[p], s)
				}
			}
		})
	}
}

// A file with a hard link outside is replaced, not changed.
func TestWriteDirPlantedHardLink(t *testing.T) {
	outside := write(t, t.TempDir(), "f", "root", 0o600)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(outside, filepath.Join(dir, "etc/passwd")); err != nil {
		skip(t, err.Error())
	}
	writeDirTo(t, sample(t, t.TempDir()), dir)
	want(t, disk(t, dir), sampleOnDisk)
	if info, err := os.Stat(outside); err != nil || info.Mode() != 0o600 {
		t.Errorf("outside is %v, %v", info.Mode(), err)
	}
}

func TestWriteDirRefusesRoot(t *testing.T) {
	outside := t.TempDir()
	link := filepath.Join(t.TempDir(), "rootfs")
	symlink(t, outside, link)
	err := sample(t, t.TempDir()).WriteDir(context.Background(), link)
	wantError(t, err, `writing the file tree to "`+link+`": it is a symbolic link`, "fix: remove it")
	want(t, disk(t, outside), "")

	file := write(t, t.TempDir(), "rootfs", "x", 0o644)
	err = sample(t, t.TempDir()).WriteDir(context.Background(), file)
	wantError(t, err, "it is a file", "fix: remove it")
}

func TestWriteDirSourceGone(t *testing.T) {
	src, dir := t.TempDir(), t.TempDir()
	tree := sample(t, src)
	if err := os.Remove(filepath.Join(src, "libc")); err != nil {
		t.Fatal(err)
	}
	err := tree.WriteDir(context.Background(), dir)
	wantError(t, err, `"/usr/lib/libc.so": reading "`+filepath.Join(src, "libc")+`": no such file`)
}

func TestWriteDirSourceGrows(t *testing.T) {
	src, dir := t.TempDir(), t.TempDir()
	tree := sample(t, src)
	write(t, src, "libc", "much longer", 0o644)
	err := tree.WriteDir(context.Background(), dir)
	wantError(t, err, `"/usr/lib/libc.so": the source "`+filepath.Join(src, "libc")+`" had 4 bytes and now has 11`, "fix: build again")
	if strings.Contains(disk(t, dir), "libc.so") || strings.Contains(disk(t, dir), ".fromscratch") {
		t.Errorf("left behind:\n%s", disk(t, dir))
	}
}

// cancellingFS is a sysroot whose only file cancels the build or fails when it is half read.
type cancellingFS struct {
	*Tree
	read func() error
}

func (c cancellingFS) Open(string) (fs.File, error) { return &halfRead{c: c}, nil }

type halfRead struct {
	c    cancellingFS
	half bool
}

func (h *halfRead) Stat() (fs.FileInfo, error) { return h.c.Lstat("f") }
func (h *halfRead) Close() error               { return nil }
func (h *halfRead) Read(p []byte) (int, error) {
	if h.half {
		return 0, h.c.read()
	}
	h.half = true
	return copy(p, "ha"), nil
}

// An interrupted run leaves either the old file or the new one, and no temporary files.
func TestWriteDirInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	failed := errors.New("reading fails")
	tests := []struct {
		name string
		read func() error
		want error
	}{
		{"reading fails", func() error { return failed }, failed},
		{"cancelled", func() error { cancel(); return nil }, context.Canceled},
		{"cancelled before", func() error { return io.EOF }, context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tree Tree
			sys := cancellingFS{makeTree(t, "/f=half"), tt.read}
			if err := tree.Add(Entry{Path: "/f", Mode: 0o644, Source: SysrootFile(sys, "/f")}); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			write(t, dir, "f", "old", 0o644)
			write(t, dir, "unnamed", "x", 0o644)
			if err := tree.WriteDir(ctx, dir); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			want(t, disk(t, dir), "f -rw-r--r-- \"old\"\nunnamed -rw-r--r-- \"x\"")
		})
	}
}

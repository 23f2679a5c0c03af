package rootfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The next run copies every change of a source.
func TestWriteDirFollowsSource(t *testing.T) {
	tests := []struct {
		name    string
		changed bool
		change  func(t *testing.T, src string)
	}{
		{"nothing", false, func(*testing.T, string) {}},
		{"content and time", true, func(t *testing.T, src string) { write(t, src, "libc", "LIBC", 0o600) }},
		{"size, not time", true, func(t *testing.T, src string) { writeOld(t, src, "libc", "longer", 0o600) }},
		{"time only", false, func(t *testing.T, src string) { write(t, src, "libc", "libc", 0o600) }},
		{"mode of the source", false, func(t *testing.T, src string) { writeOld(t, src, "libc", "libc", 0o644) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src, dir := t.TempDir(), t.TempDir()
			tree := sample(t, src)
			writeDirTo(t, tree, dir)
			at := filepath.Join(dir, "usr/lib/libc.so")
			before := fileStates(t, dir)[at]
			tt.change(t, src)
			again := new(Tree)
			for _, e := range tree.added() {
				if err := again.Add(e); err != nil {
					t.Fatal(err)
				}
			}
			writeDirTo(t, again, dir)
			if changed := fileStates(t, dir)[at] != before; changed != tt.changed {
				t.Errorf("changed: %v, want %v", changed, tt.changed)
			}
			source, err := os.ReadFile(filepath.Join(src, "libc"))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(at); string(got) != string(source) || err != nil {
				t.Errorf("%q, %v, want %q", got, err, source)
			}
		})
	}
}

// countingFS is a sysroot that counts how often a file is opened.
type countingFS struct {
	*Tree
	info   fs.FileInfo
	opened int
}

func (c *countingFS) Lstat(string) (fs.FileInfo, error) { return c.info, nil }
func (c *countingFS) Open(name string) (fs.File, error) {
	c.opened++
	return c.Tree.Open(name)
}

// A file with the size and time of its source is not read, because libraries are large. The time 0 does not
// count.
func TestWriteDirReadsOnce(t *testing.T) {
	for changed, reads := range map[time.Time]int{longAgo: 1, time.Unix(0, 0): 2} {
		src, err := os.Stat(write(t, t.TempDir(), "f", "1", 0o644))
		if err != nil {
			t.Fatal(err)
		}
		sys := &countingFS{Tree: makeTree(t, "/f=1"), info: changedAt{src, changed}}
		var tree Tree
		if err := tree.Add(Entry{Path: "/f", Mode: 0o644, Source: SysrootFile(sys, "/f")}); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		writeDirTo(t, &tree, dir)
		writeDirTo(t, &tree, dir)
		if sys.opened != reads {
			t.Errorf("changed at %v: opened %d times, want %d", changed, sys.opened, reads)
		}
	}
}

// changedAt is a FileInfo with another time.
type changedAt struct {
	fs.FileInfo
	at time.Time
}

func (c changedAt) ModTime() time.Time { return c.at }

// A file that changes twice within one clock step may keep its size and time. The next run still copies it.
func TestWriteDirRacySource(t *testing.T) {
	src, dir := t.TempDir(), t.TempDir()
	name := write(t, src, "f", "one", 0o644)
	var tree Tree
	if err := tree.Add(Entry{Path: "/f", Mode: 0o644, Source: HostFile(name)}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	writeDirTo(t, &tree, dir)
	write(t, src, "f", "two", 0o644)
	if err := os.Chtimes(name, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	writeDirTo(t, &tree, dir)
	want(t, disk(t, dir), `f -rw-r--r-- "two"`)
}

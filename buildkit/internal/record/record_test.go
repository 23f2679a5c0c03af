package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// folder makes a folder with files that are old enough for any clock.
func folder(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the system has no change times")
	}
	dir := filepath.Join(t.TempDir(), "dir")
	for _, name := range []string{"a", "sub/b", "sub/c"} {
		write(t, filepath.Join(dir, name), "content of "+name)
	}
	write(t, filepath.Join(dir, "../target"), "old content")
	for name, target := range map[string]string{"link": "a", "out": "../target"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// settle waits until the file system's clock has advanced.
func settle() time.Time {
	time.Sleep(3 * Granularity)
	return time.Now()
}

// take makes a snapshot of everything in a folder, and of missing paths.
func take(t *testing.T, dir string) *Snapshot {
	t.Helper()
	s := &Set{Noise: "noise"}
	if err := s.AddTree(dir, nil); err != nil {
		t.Fatal(err)
	}
	s.Add(filepath.Join(dir, "later"))
	s.Add(filepath.Join(dir, "a", "below a file"))
	snap, err := s.Take(settle())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(snap.String())
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Paths()) != 9 {
		t.Errorf("the snapshot has %d paths, want 9", len(again.Paths()))
	}
	return again
}

func TestChanged(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, dir string){
		"content":   func(t *testing.T, dir string) { write(t, dir+"/a", "another one") },
		"same size": func(t *testing.T, dir string) { write(t, dir+"/a", "CONTENT OF a") },
		"old time": func(t *testing.T, dir string) {
			info, err := os.Stat(dir + "/a")
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir+"/a", "CONTENT OF a")
			if err := os.Chtimes(dir+"/a", info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		},
		"replaced": func(t *testing.T, dir string) {
			write(t, dir+"/sub/new", "content of a")
			if err := os.Rename(dir+"/sub/new", dir+"/a"); err != nil {
				t.Fatal(err)
			}
		},
		"mode": func(t *testing.T, dir string) {
			if err := os.Chmod(dir+"/sub/b", 0o755); err != nil {
				t.Fatal(err)
			}
		},
		"removed": func(t *testing.T, dir string) {
			if err := os.Remove(dir + "/sub/c"); err != nil {
				t.Fatal(err)
			}
		},
		"added":         func(t *testing.T, dir string) { write(t, dir+"/sub/d", "") },
		"where nothing": func(t *testing.T, dir string) { write(t, dir+"/later", "") },
		"target of a link": func(t *testing.T, dir string) {
			write(t, dir+"/../target", "new content")
		},
		"another link": func(t *testing.T, dir string) {
			if err := os.Remove(dir + "/link"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("b", dir+"/link"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			snap := take(t, dir)
			if paths := snap.Changed(&StatCache{}); len(paths) > 0 {
				t.Fatalf("%q are reported as changed, but nothing has changed", paths)
			}
			change(t, dir)
			if len(snap.Changed(&StatCache{})) == 0 {
				t.Error("the change is not detected")
			}
		})
	}
}

func TestNoise(t *testing.T) {
	dir := folder(t)
	snap := take(t, dir)
	write(t, dir+"/noise", "of somebody else")
	if paths := snap.Changed(&StatCache{}); len(paths) > 0 {
		t.Errorf("%q are reported as changed, but only noise has", paths)
	}
	// A young folder is doubted because of its entries, but not because of noise.
	s := &Set{Noise: "noise", Began: map[string]uint64{dir: Names(dir, "noise")}}
	s.Add(dir)
	began := settle()
	write(t, dir+"/noise2", "")
	os.Remove(dir + "/noise")
	if _, err := s.Take(began); !isDoubt(err, "") {
		t.Errorf("no doubt about a file that appeared: %v", err)
	}
	os.Remove(dir + "/noise2")
	if _, err := s.Take(began); err != nil {
		t.Error(err)
	}
	// A file that existed when the build began, and may have been read, is gone.
	os.Remove(dir + "/link")
	if _, err := s.Take(began); !isDoubt(err, "") {
		t.Errorf("no doubt about a file that is gone: %v", err)
	}
	s.Began = nil
	if _, err := s.Take(began); !isDoubt(err, "") {
		t.Errorf("no doubt about a young folder: %v", err)
	}
}

// A change during a build, or right before it, gives no snapshot.
func TestDoubt(t *testing.T) {
	for name, change := range map[string]func(dir string){
		"during": func(dir string) { write(t, dir+"/a", "during") },
		"folder": func(dir string) { write(t, dir+"/sub/new", "") },
		"gone":   func(dir string) { os.Remove(dir + "/sub/b") },
		"future": func(dir string) { os.Chtimes(dir+"/a", time.Time{}, time.Now().Add(time.Hour)) },
		"coarse": func(dir string) {
			// As from a file system that counts in seconds.
			s := state{mode: 0o644, size: 1, modified: time.Now().Unix() * second, changed: time.Now().Unix() * second}
			if !s.after(time.Now().UnixNano()) {
				t.Error("a time without fractions is trusted")
			}
			write(t, dir+"/a", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			s := &Set{}
			for _, p := range []string{"a", "sub", "sub/c"} {
				s.Add(filepath.Join(dir, p))
			}
			began := settle()
			change(dir)
			if _, err := s.Take(began); !isDoubt(err, "") {
				t.Errorf("no doubt: %v", err)
			}
		})
	}
}

func isDoubt(err error, path string) bool {
	var doubt *DoubtError
	return errors.As(err, &doubt) && strings.Contains(doubt.Path, path)
}

func TestAddFolders(t *testing.T) {
	dir := folder(t)
	write(t, dir+"/skip/x/y", "")
	s := &Set{}
	if err := s.AddFolders(dir, func(p string) bool { return filepath.Base(p) == "skip" }); err != nil {
		t.Fatal(err)
	}
	if err := s.AddFolders(dir+"/none", nil); err != nil {
		t.Fatal(err)
	}
	want := []string{dir, dir + "/none", dir + "/sub"}
	if got := s.Paths(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the folders are %q, want %q", got, want)
	}
}

func TestParseBad(t *testing.T) {
	for _, text := range []string{"", "x", "\"\"\nzz \"a\"\n", "\"\"\n00 a\n", "\"\"\n00"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q is parsed as a snapshot", text)
		}
	}
}

func TestSum(t *testing.T) {
	dir := folder(t)
	began := settle()
	first, err := Sum(dir+"/a", began)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/a", "CONTENT OF a")
	if _, err := Sum(dir+"/a", began); !isDoubt(err, "a") {
		t.Errorf("no doubt about a file that changed meanwhile: %v", err)
	}
	if second, err := Sum(dir+"/a", settle()); err != nil || second == first {
		t.Errorf("the change is not detected (%v)", err)
	}
	if _, err := Sum(dir+"/none", began); !isDoubt(err, "none") {
		t.Errorf("no doubt about a missing file: %v", err)
	}
}

// After Settle, there is no doubt about a file that was written just before the build.
func TestSettle(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "old"), "1")
	s := youngSet(filepath.Join(dir, "old"))
	snap, err := s.Take(settle())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		young := filepath.Join(dir, "young")
		write(t, young, fmt.Sprint(i))
		began := time.Now()
		var cache StatCache
		snap.Changed(&cache)
		cache.sum(young, "")
		if _, err := youngSet(young).Take(began); err == nil {
			t.Fatal("there is no doubt about a file that is younger than the build")
		}
		if !cache.Settle(began) {
			t.Fatal("Settle found nothing young")
		}
		began = time.Now()
		if _, err := youngSet(young).Take(began); err != nil {
			t.Errorf("there is still doubt: %v", err)
		}
		snap.Changed(&cache)
		cache.sum(young, "")
		if cache.Settle(began) {
			t.Error("Settle found it young again")
		}
	}
}

func youngSet(path string) *Set {
	s := &Set{}
	s.Add(path)
	return s
}

// A folder added by its times changes with the names in it, but not with the content of its files.
func TestStamp(t *testing.T) {
	for name, row := range map[string]struct {
		change func(dir string) error
		seen   bool
	}{
		"nothing":     {func(string) error { return nil }, false},
		"content":     {func(dir string) error { return os.WriteFile(dir+"/sub/b", []byte("other"), 0o644) }, false},
		"a name more": {func(dir string) error { return os.WriteFile(dir+"/sub/new", nil, 0o644) }, true},
		"a name less": {func(dir string) error { return os.Remove(dir + "/sub/c") }, true},
		"another name": {func(dir string) error {
			return os.Rename(dir+"/sub/c", dir+"/sub/d")
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			s := &Set{}
			s.AddStamp(dir + "/sub")
			snap, err := s.Take(settle())
			if err != nil {
				t.Fatal(err)
			}
			if files := snap.Files(); len(files) > 0 {
				t.Errorf("the files are %q", files)
			}
			if err := row.change(dir); err != nil {
				t.Fatal(err)
			}
			var cache StatCache
			for range 2 { // the second time from the cache
				changed, err := cache.Changed(snap.String())
				if err != nil || (len(changed) > 0) != row.seen {
					t.Errorf("%q have changed, %v", changed, err)
				}
			}
		})
	}
	s := &Set{}
	s.Add(string(filepath.Separator)) // the root ends with a separator, but is not a stamp
	if paths := s.Paths(); len(paths) != 1 || strings.HasSuffix(paths[0], stamp) {
		t.Errorf("the paths are %q", paths)
	}
	var cache StatCache
	if _, err := cache.Changed("no snapshot"); err == nil {
		t.Error("any text is a snapshot")
	}
}

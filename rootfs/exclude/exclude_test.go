package exclude

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// root makes a sysroot in which /lib is a link, as in Debian.
func root(t *testing.T) ldd.FS {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{
		"usr/lib/x/gconv/EUC-KR.so", "usr/lib/x/gconv/UTF-16.so", "usr/lib/x/gconv/gconv-modules", "usr/lib/x/libz.so.1.3", "opt/lib/libz.so.1",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"lib": "usr/lib", "usr/lib/x/libz.so.1": "libz.so.1.3", "usr/lib/x/libz.so": "libz.so.1"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			testkit.Skip(t, err.Error()) // for example on Windows
		}
	}
	return ldd.DirFS(dir)
}

func TestFS(t *testing.T) {
	all := []string{"/usr/lib/x/gconv/EUC-KR.so", "/usr/lib/x/gconv/UTF-16.so", "/lib/x/libz.so", "/usr/lib/x/libz.so.1", "/usr/lib/x/libz.so.1.3", "/opt/lib/libz.so.1"}
	for pattern, hidden := range map[string][]int{
		"EUC-KR.so":                  {0},
		"EUC-*":                      {0},
		"gconv":                      {0, 1},
		"/usr/lib/*/gconv":           {0, 1},
		"/usr/lib/x/gconv/":          {0, 1},
		"/lib/x/gconv":               {0, 1}, // through a link
		"/l*/x/gconv/UTF-16.so":      {1},
		"/usr/lib/x/libz.so.1":       {2, 3}, // a link in the middle
		"libz.so.1":                  {2, 3, 5},
		"/lib/x/libz.so.*":           {2, 3, 4},
		"/opt":                       {5},
		"x/gconv":                    nil, // not absolute
		"/usr/lib/x/gconv/EUC-KR.s":  nil,
		"/usr/lib/gone/*":            nil,
		"/":                          nil,
		"/usr/lib/x/gconv/*/nothing": nil,
	} {
		t.Run(pattern, func(t *testing.T) {
			f := New(root(t), []string{pattern})
			for i, name := range all {
				_, _, err := ldd.Follow(f, name)
				want := slices.Contains(hidden, i)
				if (err != nil) != want {
					t.Errorf("%s: %v, want hidden: %t", name, err, want)
				}
				if by := f.Pattern(name); (by == pattern) != want {
					t.Errorf("%s is hidden by %q", name, by)
				}
			}
			if idle := f.Unused(); (len(idle) == 1) != (hidden == nil) {
				t.Errorf("Unused returns %q", idle)
			}
		})
	}
}

// A folder does not list its hidden files.
func TestReadDir(t *testing.T) {
	f := New(root(t), []string{"EUC-KR.so", "gone"})
	for _, n := range []int{-1, 1} {
		dir, err := f.Open("usr/lib/x/gconv")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for {
			list, err := dir.(fs.ReadDirFile).ReadDir(n)
			for _, e := range list {
				names = append(names, e.Name())
			}
			if n < 0 || err != nil {
				break
			}
		}
		slices.Sort(names)
		if want := []string{"UTF-16.so", "gconv-modules"}; !slices.Equal(names, want) {
			t.Errorf("the names are %q, want %q", names, want)
		}
		if err := dir.Close(); err != nil {
			t.Error(err)
		}
	}
	if idle := f.Unused(); !slices.Equal(idle, []string{"gone"}) {
		t.Errorf("Unused returns %q", idle)
	}
}

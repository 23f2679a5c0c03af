package ldd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFollow(t *testing.T) {
	sys := memFS{
		"usr/lib/liba.so.1.2":  "a",
		"usr/lib/liba.so.1":    "-> liba.so.1.2",
		"usr/lib/liba.so":      "-> /lib/liba.so.1",
		"lib":                  "-> usr/lib",
		"etc/alternatives/x":   "-> ../../../../../usr/bin/x",
		"usr/bin/x":            "x",
		"loop/a":               "-> b",
		"loop/b":               "-> a",
		"loop/self/self":       "-> .",
		"dangling":             "-> nowhere",
		"slash":                "-> usr/bin/x/",
		"outside":              "-> /../../../etc/alternatives/x",
		"empty":                "-> ",
		"dir":                  "-> /usr/lib/",
		"long":                 "-> " + strings.Repeat("a", 5000),
		"usr/share/deep/er/it": "it",
	}
	chain := func(n int) string { // n links, then the file
		for i := range n {
			sys[fmt.Sprintf("chain%d/%d", n, i)] = fmt.Sprintf("-> %d", i+1)
		}
		sys[fmt.Sprintf("chain%d/%d", n, n)] = "end"
		return fmt.Sprintf("/chain%d/0", n)
	}
	for name, tt := range map[string]struct {
		path  string
		real  string
		links []Link
		err   error
	}{
		"no link":               {path: "/usr/bin/x", real: "/usr/bin/x"},
		"the root":              {path: "/", real: "/"},
		"dots and slashes":      {path: "//usr/./bin//../bin/x", real: "/usr/bin/x"},
		"above the root":        {path: "/../../usr/bin/x", real: "/usr/bin/x"},
		"a link in a folder":    {path: "/lib/liba.so.1.2", real: "/usr/lib/liba.so.1.2", links: []Link{{"/lib", "usr/lib"}}},
		"a link with an escape": {path: "/etc/alternatives/x", real: "/usr/bin/x", links: []Link{{"/etc/alternatives/x", "../../../../../usr/bin/x"}}},
		"an absolute escape": {path: "/outside", real: "/usr/bin/x", links: []Link{
			{"/outside", "/../../../etc/alternatives/x"}, {"/etc/alternatives/x", "../../../../../usr/bin/x"}}},
		"links to links": {path: "/usr/lib/liba.so", real: "/usr/lib/liba.so.1.2", links: []Link{
			{"/usr/lib/liba.so", "/lib/liba.so.1"}, {"/lib", "usr/lib"}, {"/usr/lib/liba.so.1", "liba.so.1.2"}}},
		"a link to a folder":      {path: "/dir/liba.so.1.2", real: "/usr/lib/liba.so.1.2", links: []Link{{"/dir", "/usr/lib/"}}},
		"forty links":             {path: chain(40), real: "/chain40/40"},
		"forty-one links":         {path: chain(41), err: errLoop},
		"a loop":                  {path: "/loop/a", err: errLoop},
		"a loop of one":           {path: "/loop/self/self/self", real: "/loop/self"},
		"nothing":                 {path: "/nowhere/x", err: fs.ErrNotExist},
		"a link to nothing":       {path: "/dangling", err: fs.ErrNotExist},
		"an empty link":           {path: "/empty", err: fs.ErrNotExist},
		"an empty path":           {path: "", err: fs.ErrNotExist},
		"a file as a folder":      {path: "/usr/bin/x/y", err: errNotDir},
		"a file with a slash":     {path: "/usr/bin/x/", err: errNotDir},
		"a link with a slash":     {path: "/slash", err: errNotDir},
		"a file and dots":         {path: "/usr/bin/x/..", err: errNotDir},
		"a name that is too long": {path: "/" + strings.Repeat("a", 256), err: errTooLong},
		"a path that is too long": {path: strings.Repeat("/a", 2048), err: errTooLong},
		"a link that is too long": {path: "/long", err: errTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			real, links, err := Follow(sys, tt.path)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) || real != tt.real {
				t.Fatalf("got %q, %v; want %q, %v", real, err, tt.real, tt.err)
			}
			if tt.links != nil && !slices.Equal(links, tt.links) {
				t.Errorf("links %v, want %v", links, tt.links)
			}
		})
	}
}

// In a folder of the host, nothing outside of it is reached. The host's kernel agrees if no link is absolute or
// leaves the folder.
func TestFollowDirFS(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "real/file"), []byte("inside"))
	write(t, filepath.Join(root, "etc/passwd"), []byte("inside"))
	for name, target := range map[string]string{
		"rel": "real/file", "abs": "/etc/passwd", "out": "../../../../../../../../etc/passwd", "dir": "real", "two": "dir/../real/file",
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			skip(t, err.Error())
		}
	}
	for name, want := range map[string]string{
		"/rel": "/real/file", "/abs": "/etc/passwd", "/out": "/etc/passwd", "/dir/file": "/real/file", "/two": "/real/file",
	} {
		real, _, err := Follow(DirFS(root), name)
		if err != nil || real != want {
			t.Errorf("Follow(%q) = %q, %v; want %q", name, real, err, want)
		}
	}
	p, err := newWalker(DirFS(root)).walk("/dir/../real/file")
	if err != nil || !slices.Equal(p.through, []string{"/real"}) {
		t.Errorf("left by dots: %q, %v; want /real", p.through, err)
	}
}

package rootfs

import (
	"io/fs"
	"path/filepath"
	"testing"
)

// Adding the same entries in any order gives the same tree, or the same error.
func TestTreeAdd(t *testing.T) {
	tests := []struct {
		name string
		add  []string
		want string
	}{
		{"nothing", nil, ""},
		{"parents are made", []string{"/a/b/c=x"}, `
			/a folder 0755 0:0 system
			/a/b folder 0755 0:0 system
			/a/b/c file 0644 0:0 system`},
		{"sorted by path, folders first", []string{"/a/x=", "/a-b=", "/a/"}, `
			/a folder 0755 0:0 system
			/a-b file 0644 0:0 system
			/a/x file 0644 0:0 system`},
		{"the same twice", []string{"/a=x", "/a=x", "/l -> a", "/l -> a", "/d/", "/d/"}, `
			/a file 0644 0:0 system
			/d folder 0755 0:0 system
			/l link to a system`},
		{"through a link", []string{"/lib -> usr/lib", "/lib/x=1"}, `
			/lib link to usr/lib system
			/usr folder 0755 0:0 system
			/usr/lib folder 0755 0:0 system
			/usr/lib/x file 0644 0:0 system`},
		{"the same through a link and directly", []string{"/lib -> usr/lib", "/lib/x=1", "/usr/lib/x=1"}, `
			/lib link to usr/lib system
			/usr folder 0755 0:0 system
			/usr/lib folder 0755 0:0 system
			/usr/lib/x file 0644 0:0 system`},
		{"through absolute links and ..", []string{"/a/l -> /b/c/../d", "/b/d -> ../../../e", "/a/l/x=1"}, `
			/a folder 0755 0:0 system
			/a/l link to /b/c/../d system
			/b folder 0755 0:0 system
			/b/d link to ../../../e system
			/e folder 0755 0:0 system
			/e/x file 0644 0:0 system`},
		{"a link below a link", []string{"/lib -> usr/lib", "/lib/x -> y", "/lib/x/f=1"}, `
			/lib link to usr/lib system
			/usr folder 0755 0:0 system
			/usr/lib folder 0755 0:0 system
			/usr/lib/x link to y system
			/usr/lib/y folder 0755 0:0 system
			/usr/lib/y/f file 0644 0:0 system`},
		{"links that move links", []string{"/x -> zz", "/x/y/k -> n", "/zz/y -> q", "/x/y/k/f=1"}, `
			/x link to zz system
			/zz folder 0755 0:0 system
			/zz/q folder 0755 0:0 system
			/zz/q/k link to n system
			/zz/q/n folder 0755 0:0 system
			/zz/q/n/f file 0644 0:0 system
			/zz/y link to q system`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, order := range permutations(tt.add) {
				var tree Tree
				for _, s := range order {
					if err := tree.Add(entry(s)); err != nil {
						t.Fatalf("order %q: %v", order, err)
					}
				}
				want(t, lines(&tree, "/"), tt.want)
			}
		})
	}
}

func permutations(list []string) [][]string {
	if len(list) == 0 {
		return [][]string{nil}
	}
	var all [][]string
	for i := range list {
		rest := append(append([]string(nil), list[:i]...), list[i+1:]...)
		for _, p := range permutations(rest) {
			all = append(all, append([]string{list[i]}, p...))
		}
	}
	return all
}

func TestTreeConflicts(t *testing.T) {
	const taken = "fix: leave one of the two out, or give it another path"
	tests := []struct {
		name string
		add  []string // adding the last one fails, in this order and in reverse
		says []string // parts of the error in this order
		back []string // the same for the reverse order
	}{
		{"two files", []string{"/a=1", "/a=2"}, []string{`adding "/a" (test /a=2): the path is taken by another file 0644 0:0 (test /a=1)`, taken},
			[]string{`adding "/a" (test /a=1)`, "(test /a=2)", taken}},
		{"file and folder", []string{"/a/", "/a=1"}, []string{"taken by another folder 0755 0:0 (test /a/)", taken},
			[]string{"taken by another file 0644 0:0 (test /a=1)", taken}},
		{"folder and link", []string{"/lib -> usr/lib", "/lib/"}, []string{"taken by another link to usr/lib (test /lib -> usr/lib)", taken},
			[]string{"taken by another folder 0755 0:0 (test /lib/)", taken}},
		{"two links", []string{"/l -> a", "/l -> b"}, []string{"another link to a", taken}, []string{"another link to b", taken}},
		{"file and a path below it", []string{"/a=1", "/a/b/c=1"}, []string{`"/a" is a file (test /a=1), so nothing can be below it`, taken},
			[]string{`the path is the parent folder of "/a/b/c" (test /a/b/c=1)`, taken}},
		{"through a link", []string{"/lib -> usr/lib", "/usr/lib/x=1", "/lib/x=2"},
			[]string{`adding "/lib/x" (test /lib/x=2): links lead to "/usr/lib/x": the path is taken`, "(test /usr/lib/x=1)", taken},
			[]string{`adding "/lib"`, "(test /usr/lib/x=1)", "(test /lib/x=2)", taken}},
		{"below a link to a file", []string{"/f=1", "/l -> f", "/l/x=1"}, []string{`"/f" is a file`, taken}, []string{`"/f"`, taken}},
		{"links in a circle", []string{"/a -> b", "/b -> a", "/a/x=1"}, []string{`goes through too many links`, "fix: correct the link"},
			[]string{"too many links", "fix: correct the link"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantError(t, addAll(t, tt.add), tt.says...)
		})
		t.Run(tt.name+", the other way", func(t *testing.T) {
			var back []string
			for _, s := range tt.add {
				back = append([]string{s}, back...)
			}
			wantError(t, addAll(t, back), tt.back...)
		})
	}
}

// addAll adds all entries. Only the last may fail; then the tree must be unchanged.
func addAll(t *testing.T, list []string) error {
	t.Helper()
	var tree Tree
	for i, s := range list {
		before := lines(&tree, "/")
		if err := tree.Add(entry(s)); err != nil {
			if i < len(list)-1 {
				t.Fatalf("%q fails already: %v", s, err)
			}
			want(t, lines(&tree, "/"), before)
			return err
		}
	}
	return nil
}

func TestTreeConflictsInMode(t *testing.T) {
	base := Entry{Path: "/d", Mode: fs.ModeDir | 0o755, Reason: "first"}
	tests := map[string]func(*Entry){
		"mode":  func(e *Entry) { e.Mode = fs.ModeDir | 0o700 },
		"owner": func(e *Entry) { e.UID = 1 },
		"group": func(e *Entry) { e.GID = 1 },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			var tree Tree
			if err := tree.Add(base); err != nil {
				t.Fatal(err)
			}
			e := base
			change(&e)
			wantError(t, tree.Add(e), "another folder 0755 0:0 (first)")
		})
	}
}

func TestTreeRefuses(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		e    Entry
		says string
	}{
		{"no path", Entry{}, "not absolute"},
		{"relative", Entry{Path: "a", Mode: fs.ModeDir}, "not absolute"},
		{"unclean", Entry{Path: "/a/../b", Mode: fs.ModeDir}, `write "/b"`},
		{"root", Entry{Path: "/", Mode: fs.ModeDir}, "root folder"},
		{"not text", Entry{Path: "/\xff", Mode: fs.ModeDir}, "UTF-8"},
		{"device", Entry{Path: "/a", Mode: fs.ModeDevice}, "an image has no device"},
		{"negative owner", Entry{Path: "/a", Mode: fs.ModeDir, UID: -1}, "negative"},
		{"no layer", Entry{Path: "/a", Mode: fs.ModeDir, Layer: 7}, "layer 7"},
		{"link to nothing", Entry{Path: "/a", Mode: fs.ModeSymlink}, "target"},
		{"file without source", Entry{Path: "/a"}, "no source"},
		{"source is a folder", Entry{Path: "/a", Source: HostFile(dir)}, "is a folder, not a file"},
		{"source is missing", Entry{Path: "/a", Source: HostFile(filepath.Join(dir, "x"))}, "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantError(t, new(Tree).Add(tt.e), tt.says) })
	}
}

func TestTreeSameContentFromAnotherSource(t *testing.T) {
	name := write(t, t.TempDir(), "f", "same", 0o600)
	var tree Tree
	for _, s := range []Source{Bytes([]byte("same")), HostFile(name)} {
		if err := tree.Add(Entry{Path: "/f", Mode: 0o644, Source: s}); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Dir(name), "f", "othe", 0o600)
	wantError(t, tree.Add(Entry{Path: "/f", Mode: 0o644, Source: HostFile(name)}), "taken by another file")
}

func TestTreeLayers(t *testing.T) {
	tests := []struct {
		name string
		add  map[string]Layer
		want string
	}{
		{"parents are in the lowest layer", map[string]Layer{"/a/b/x=": Program, "/a/y=": Files}, `
			/a folder 0755 0:0 files
			/a/b folder 0755 0:0 program
			/a/b/x file 0644 0:0 program
			/a/y file 0644 0:0 files`},
		{"a folder moves down to the layer of its content", map[string]Layer{"/a/": Files, "/a/x=": System}, `
			/a folder 0755 0:0 system
			/a/x file 0644 0:0 system`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, order := range permutations(keys(tt.add)) {
				var tree Tree
				for _, s := range order {
					e := entry(s)
					e.Layer = tt.add[s]
					if err := tree.Add(e); err != nil {
						t.Fatal(err)
					}
				}
				want(t, lines(&tree, "/"), tt.want)
			}
		})
	}
}

func TestTreeKeepsTheLowerOfTwo(t *testing.T) {
	for _, order := range [][]Layer{{Program, System}, {System, Program}} {
		var tree Tree
		for _, l := range order {
			e := entry("/d/a=1")
			e.Layer, e.Reason = l, l.String()
			if err := tree.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		want(t, lines(&tree, "/"), "/d folder 0755 0:0 system\n/d/a file 0644 0:0 system")
		if e, _ := tree.Lookup("/d/a"); e.Reason != "system" {
			t.Errorf("reason %q, want that of the lower layer", e.Reason)
		}
	}
}

func TestEntryHeader(t *testing.T) {
	e := Entry{Path: "/d", Mode: fs.ModeDir | fs.ModeSticky | fs.ModeSetgid | 0o777, UID: 1, GID: 2}
	if h := e.Header(); h.Name != "d/" || h.Mode != 0o3777 || h.Uid != 1 || h.Gid != 2 {
		t.Errorf("got %+v", h)
	}
	e = Entry{Path: "/a/l", Mode: fs.ModeSymlink | 0o777, Link: "../x"}
	if h := e.Header(); h.Name != "a/l" || h.Linkname != "../x" || h.Mode != 0o777 || h.Typeflag != '2' {
		t.Errorf("got %+v", h)
	}
}

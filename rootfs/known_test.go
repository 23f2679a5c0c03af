package rootfs

import (
	"errors"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// If the entries that libraries and data added to a tree are passed as Known, the tree is the same.
func TestKnown(t *testing.T) {
	s := dataSpec(t)
	base := s
	base.Program = ""
	s.Data = []Data{{Path: "/etc/fonts", Because: Because{"configuration of fontconfig", "/app"}}}
	tree := assemble(t, s)
	var known []Entry
	for _, e := range tree.Beyond(assemble(t, base)) {
		if e.Layer != Program {
			known = append(known, e)
		}
	}
	if len(known) < 5 {
		t.Fatalf("only %v is beyond the base", known)
	}
	s.Data, s.Known = nil, known
	again := assemble(t, s)
	if a, b := lines(tree, "/"), lines(again, "/"); a != b {
		t.Errorf("the tree is\n%s\nwant\n%s", b, a)
	}
}

// A user's file that the libraries bring too is in the layer of the libraries, so it is beyond a tree without them.
func TestBeyondHasAnotherLayer(t *testing.T) {
	file := Entry{Path: "/usr/share/doc/libc6/copyright", Mode: 0o644, Layer: Files, Reason: "configured", Source: Bytes([]byte("GPL"))}
	other := Entry{Path: "/srv/page", Mode: 0o644, Layer: Files, Reason: "configured", Source: Bytes([]byte("x"))}
	var without, with Tree
	licence := file
	licence.Layer, licence.Reason = System, "licence of libc6"
	if err := errors.Join(without.Add(file), without.Add(other), with.Add(file), with.Add(other), with.Add(licence)); err != nil {
		t.Fatal(err)
	}
	if got := with.Beyond(&without); len(got) != 1 || got[0].Path != file.Path || got[0].Layer != System {
		t.Errorf("%v, want the licence alone", got)
	}
}

// HostPaths returns the paths on the host that the user's files come from.
func TestHostPaths(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "web/a.html", "a", 0o644)
	symlink(t, "web", dir+"/link")
	s := Spec{Dir: dir, Files: []File{{From: "web"}, {From: "web/*.html"}, {From: "link"}}, Certificates: Certificates{Extra: []string{"ca.pem"}}, Sysroot: ldd.DirFS("/")}
	want := map[string]bool{dir + "/web": true, dir + "/link": true, dir + "/ca.pem": true}
	for _, p := range s.HostPaths() {
		if !want[p] {
			t.Errorf("%s is not where the files come from", p)
		}
		delete(want, p)
		if p == dir+"/web" {
			want[p] = true // more than once
		}
	}
	delete(want, dir+"/web")
	if len(want) > 0 {
		t.Errorf("HostPaths lacks %v", want)
	}
}

package rootfs

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

var skip = testkit.Skip

// wantError fails unless the error contains all parts. If a part begins with "fix: ", the last line must
// begin with it, and there may be only one "fix: ".
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	text := err.Error()
	last := text[strings.LastIndex(text, "\n")+1:]
	for _, part := range parts {
		if strings.HasPrefix(part, "fix: ") {
			if !strings.HasPrefix(last, part) || strings.Count(text, "fix: ") != 1 {
				t.Errorf("error %q\nends with %q, want %q", text, last, part)
			}
		} else if !strings.Contains(text, part) {
			t.Errorf("error %q\ndoes not contain %q", text, part)
		}
	}
}

// write writes a file on the host, makes its parents, and returns its path.
func write(t *testing.T, dir, name, content string, mode fs.FileMode) string {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(p, mode); err != nil {
		t.Fatal(err)
	}
	return p
}

func symlink(t *testing.T, target, at string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, at); err != nil {
		t.Fatal(err)
	}
}

// text returns the content of a file of the tree.
func text(t *testing.T, tree *Tree, p string) string {
	t.Helper()
	e, ok := tree.Lookup(p)
	if !ok {
		t.Fatalf("there is no %s", p)
	}
	r, err := e.Source.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// lines returns a tree as text, one line per entry: "/etc/passwd file 0644 0:0 system". It lists the
// entries at or below the prefixes.
func lines(tree *Tree, prefixes ...string) string {
	var b strings.Builder
	for _, e := range tree.Entries() {
		for _, p := range prefixes {
			if e.Path == p || strings.HasPrefix(e.Path, strings.TrimSuffix(p, "/")+"/") {
				b.WriteString(e.Path + " " + e.String() + " " + e.Layer.String() + "\n")
				break
			}
		}
	}
	return b.String()
}

// want compares two texts. The lines of the wanted text may be indented.
func want(t *testing.T, got, want string) {
	t.Helper()
	var b strings.Builder
	for _, l := range strings.Split(strings.TrimSpace(want), "\n") {
		b.WriteString(strings.TrimSpace(l) + "\n")
	}
	if got != b.String() && got+b.String() != "\n" {
		t.Errorf("got:\n%swant:\n%s", got, b.String())
	}
}

// bareSpec returns a Spec without certificates, so that tests do not need the host's.
func bareSpec() Spec { return Spec{Certificates: Certificates{OnlyExtra: true}} }

func assemble(t *testing.T, s Spec) *Tree {
	t.Helper()
	tree, err := Assemble(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// entry makes an entry from a string: "/etc/", "/lib -> usr/lib", "/a=content".
func entry(s string) Entry {
	e := Entry{Reason: "test " + s, Mode: 0o644}
	if p, target, ok := strings.Cut(s, " -> "); ok {
		e.Path, e.Mode, e.Link = p, fs.ModeSymlink, target
	} else if p, content, ok := strings.Cut(s, "="); ok {
		e.Path, e.Source = p, Bytes([]byte(content))
	} else {
		e.Path, e.Mode = strings.TrimSuffix(s, "/"), fs.ModeDir|0o755
	}
	return e
}

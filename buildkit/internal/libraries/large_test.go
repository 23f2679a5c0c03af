package libraries_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// A large group has a note with its size: without the group, the image is smaller by that. Whoever names the group knows it.
func TestLarge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ library, symbol, note string }{
		"mecab": {"libmecab.so.2", "mecab_new2", `^/.*/libmecab\.so\.2 opens \d+ files, .* MB; the group "mecab" of Exclude leaves it out, but the library does not work without it$`},
		"vips":  {"libvips.so.42", "vips_init", `^/.*/libvips\.so\.42 opens \d+ files with \d+ libraries that they need, .* MB; the group "vips" of Exclude leaves it out$`},
		"thai":  {"libthai.so.0", "th_isthai", ""}, // 0.3 MB
	} {
		t.Run(name, func(t *testing.T) {
			q := program(t)
			source, path := filepath.Join(q.Plan.Root, "large.c"), filepath.Join(q.Plan.Root, "large")
			if err := os.WriteFile(source, []byte("int "+c.symbol+"(); int main(void) { return "+c.symbol+"(0); }\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("gcc", "-o", path, source, "-l:"+c.library).CombinedOutput(); err != nil {
				testkit.Missing(t, c.library+" ("+string(out)+")")
			}
			var err error
			if q.Program, err = compile.Read(gobuild.Binary{Path: path}); err != nil {
				t.Fatal(err)
			}
			with, note := large(t, q, name)
			q.Plan.Libraries.Exclude = []string{name}
			without, none := large(t, q, name)
			q.Plan.Libraries.Exclude, q.Plan.Libraries.Plugins = nil, []string{"auto", name}
			_, named := large(t, q, name)
			if none != "" || named != "" || (note != "") != (c.note != "") || !regexp.MustCompile(c.note).MatchString(note) {
				t.Errorf("the note is %q; excluded it is %q, named %q", note, none, named)
			}
			if name == "mecab" && !strings.Contains(note, ", "+report.Size(with-without)+"; ") {
				t.Errorf("without the group the image has %s less, the note is %q", report.Size(with-without), note)
			}
		})
	}
}

// large returns the size of an image, and the note about a group.
func large(t *testing.T, q libraries.Query, group string) (size int64, note string) {
	t.Helper()
	f, err := libraries.Find(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	made := tree(t, q, f)
	for _, e := range made.Entries() {
		size += e.Size
	}
	for _, n := range f.Large(made) {
		if strings.Contains(n, "the group \""+group+"\" ") {
			note += n
		}
	}
	return size, note
}

// A group whose files the base has adds nothing.
func TestGroupOfTheBase(t *testing.T) {
	t.Parallel()
	if got := (&libraries.Group{Name: "gconv"}).String(); got != "nothing to add" {
		t.Errorf("%q", got)
	}
	g := libraries.Group{Name: "vips", Files: 5, Libraries: 2, Size: 3e6}
	if got, want := g.String(), "5 files with 2 libraries that they need, 3.0 MB"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

package libraries_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// A program that draws text gets a font, and a note says so, unless the user names it, or has fonts among the files.
func TestFonts(t *testing.T) {
	t.Parallel()
	const font = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
	if _, err := os.Stat(font); err != nil {
		testkit.Missing(t, "the package fonts-dejavu-core")
	}
	q := program(t)
	source, path := filepath.Join(q.Plan.Root, "text.c"), filepath.Join(q.Plan.Root, "text")
	if err := os.WriteFile(source, []byte("int FcInit(void); int main(void) { return FcInit(); }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-o", path, source, "-l:libfontconfig.so.1").CombinedOutput(); err != nil {
		testkit.Missing(t, "libfontconfig ("+string(out)+")")
	}
	var err error
	if q.Program, err = compile.Read(gobuild.Binary{Path: path}); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(q.Plan.Root, "own.ttf")
	if err := os.WriteFile(own, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		plugins, exclude []string
		file             string
		font, note       bool
	}{
		"nothing":         {font: true, note: true},
		"named":           {plugins: []string{"auto", "fonts"}, font: true},
		"excluded":        {exclude: []string{"fonts"}},
		"own":             {file: "/usr/share/fonts/own.ttf"},
		"own, and named":  {file: "/usr/share/fonts/own.ttf", plugins: []string{"auto", "fonts"}, font: true},
		"a file, no font": {file: "/srv/own.ttf", font: true, note: true},
	} {
		q := q
		q.Plan.Libraries.Plugins, q.Plan.Libraries.Exclude = c.plugins, c.exclude
		if c.file != "" {
			spec := files
			spec.Files = []rootfs.File{{From: own, To: c.file}}
			if q.Base, err = rootfs.Assemble(context.Background(), spec); err != nil {
				t.Fatal(err)
			}
		}
		f, err := libraries.Find(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		has := slices.ContainsFunc(f.Opened, func(o libraries.Opened) bool { return o.Path == font })
		notes := strings.Join(f.Notes, "\n")
		if has != c.font || strings.Contains(notes, "the font "+font+" is added, 7") != c.note {
			t.Errorf("%s: the font is there: %t, the notes are %q", name, has, notes)
		}
	}
}

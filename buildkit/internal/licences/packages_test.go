package licences

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/owners"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// The texts of a package come with the common ones that they name. A missing text is a note. All texts of an image count for one limit.
func TestAddOfPackages(t *testing.T) {
	t.Parallel()
	dir := testkit.Module(t, map[string]string{
		"etc/os-release": "ID=debian\nVERSION_ID=12\n",
		"var/lib/dpkg/status": "Package: one\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n" +
			"Package: two\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n",
		"var/lib/dpkg/info/one.list":      "/.\n/lib\n/lib/one.so\n",
		"var/lib/dpkg/info/two.list":      "/.\n/lib\n/lib/two.so\n",
		"lib/one.so":                      "one",
		"lib/two.so":                      "two",
		"usr/share/doc/one/copyright":     "see /usr/share/common-licenses/MIT-0 and /usr/share/common-licenses/GPL-3.",
		"usr/share/common-licenses/GPL-3": "free",
	})
	sys, of := ldd.DirFS(dir), owners.Open(plan.Image{}, dir, nil)
	var tree rootfs.Tree
	for _, name := range []string{"/lib/one.so", "/lib/two.so"} {
		if err := tree.Add(rootfs.Entry{Path: name, Mode: 0o644, Reason: "test", Source: rootfs.SysrootFile(sys, name)}); err != nil {
			t.Fatal(err)
		}
	}
	texts, err := AddOfPackages(context.Background(), of, &tree, sys, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range texts.Entries {
		got = append(got, e.Path+" for "+e.For+": "+e.Reason)
	}
	want := []string{
		"/usr/share/doc/one/copyright for /lib/one.so: licence of one 1 (amd64)",
		"/usr/share/common-licenses/GPL-3 for /usr/share/doc/one/copyright: named in /usr/share/doc/one/copyright",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the texts are %q, want %q", got, want)
	}
	notes := strings.Join(texts.Notes, "\n")
	for _, want := range []string{"no text of a licence is there of two 2 (amd64)", "/usr/share/common-licenses/MIT-0 is missing"} {
		if !strings.Contains(notes, want) {
			t.Errorf("the notes have no %q:\n%s", want, notes)
		}
	}
	for _, name := range []string{"var/lib/dpkg/status", "usr/share/doc/two/copyright", "usr/share/common-licenses/MIT-0"} {
		if !slices.Contains(texts.Reads, filepath.Join(dir, filepath.FromSlash(name))) {
			t.Errorf("%s is not among the reads %q", name, texts.Reads)
		}
	}
	if texts, err := AddOfPackages(context.Background(), of, &tree, sys, maxTexts); err == nil {
		t.Errorf("beyond the limit there are %d texts", len(texts.Entries))
	}
}

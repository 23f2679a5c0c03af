package buildkit_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// What Exclude leaves out is as if it were not installed, in each of the forms that it
// may have: the image is built without it, and what it has is whole.
func TestExclude(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	found, _ := filepath.Glob("/usr/lib/*/gconv/EUC-KR.so")
	if found == nil {
		missing(t, "the C library's EUC-KR.so")
	}
	gconv := filepath.Dir(found[0])
	link := strings.TrimPrefix(gconv, "/usr") // /lib is a link where /usr is merged
	if real, err := filepath.EvalSymlinks(link); err != nil || real != gconv {
		link = gconv
	}
	all := []string{"gconv-modules.cache", "EUC-KR.so", "libJIS.so", "EUC-JP.so", "UTF-16.so"}
	dir := ownCopy(t, "iconv")
	none := mustBuild(t, dir, buildkit.Config{Name: "none", Plugins: []string{"none"}})
	if _, ok := none.Tree.Lookup(gconv); ok {
		t.Error("there are plugins although none are wanted")
	}
	for name, c := range map[string]struct {
		exclude []string
		gone    string   // of all
		say     []string // in a note
	}{
		"a name":             {[]string{"EUC-KR.so"}, "EUC-KR.so", nil},
		"a path":             {[]string{gconv + "/EUC-KR.so"}, "EUC-KR.so", nil},
		"a pattern":          {[]string{"/usr/lib/*/gconv/EUC-*.so"}, "EUC-KR.so EUC-JP.so", nil},
		"a folder":           {[]string{"/usr/lib/*/gconv"}, strings.Join(all, " "), nil},
		"a group":            {[]string{"gconv"}, strings.Join(all, " "), nil},
		"through a link":     {[]string{link + "/EUC-KR.so"}, "EUC-KR.so", nil},
		"data in a folder":   {[]string{"gconv-modules.cache"}, "gconv-modules.cache", nil},
		"a plugin's library": {[]string{"/usr/lib/*/gconv/libJIS.so"}, "libJIS.so EUC-JP.so", []string{"EUC-JP.so is left out", `remove "/usr/lib/*/gconv/libJIS.so" from Exclude in the Config (magefile.go:7)`}},
		"a pattern for nothing": {
			[]string{"/usr/lib/*/gcnov", "EUC-KR.so"}, "EUC-KR.so",
			[]string{`warning: the pattern "/usr/lib/*/gcnov" of Exclude (magefile.go:7) excludes nothing`},
		},
		"a group of nothing": {[]string{"vips"}, "", []string{`warning: the group "vips" of Exclude (magefile.go:7) excludes nothing`}},
	} {
		t.Run(name, func(t *testing.T) {
			built := mustBuild(t, dir, buildkit.Config{Name: "excluded", Exclude: c.exclude, Origin: "magefile.go:7"})
			for _, file := range all {
				_, ok := built.Tree.Lookup(gconv + "/" + file)
				if gone := strings.Contains(c.gone, file); ok == gone {
					t.Errorf("%s is in the image: %t", file, ok)
				}
			}
			notes := strings.Join(built.Explain().Notes, "\n")
			for _, want := range c.say {
				if !strings.Contains(notes, want) {
					t.Errorf("the notes do not say %q:\n%s", want, notes)
				}
			}
			if c.say == nil && strings.Contains(notes, "warning: ") {
				t.Errorf("there are warnings:\n%s", notes)
			}
			if err := built.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What a program cannot start without cannot be left out; the remedy is not to install it.
func TestExcludeOfTheStart(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	dir := openerModule(t)
	for _, pattern := range []string{"libc.so.6", "/usr/lib/*/libc.so.6", "/lib*/*/libc.so.6", "/usr/lib", "/lib64"} {
		_, err := build(context.Background(), dir, buildkit.Config{Exclude: []string{pattern}, Origin: "magefile.go:7"})
		if err == nil {
			t.Errorf("%s: an image that cannot start was built", pattern)
			continue
		}
		if want := "\nfix: remove \"" + pattern + "\" from Exclude in the Config (magefile.go:7)"; !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "install") {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

//go:build linux && amd64

package ldd

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Resolve reads /etc/ld.so.preload in a root like the real loader.
func TestPreloadFile(t *testing.T) {
	loader, err := os.ReadFile(glibcLoader)
	if err != nil {
		skip(t, "glibc's loader is not installed")
	}
	tree := ruleCase{
		prog: fakeELF{Needed: []string{"liba.so"}, Interp: glibcLoader}, dirs: []string{"etc"},
		libs: map[string]fakeELF{
			"usr/lib/liba.so": {}, "usr/lib/one.so": {Needed: []string{"libdep.so"}}, "usr/lib/libdep.so": {}, "opt/two.so": {}, "opt/three.so": {},
			"usr/lib/#four.so": {},
		},
		texts: map[string]string{strings.TrimPrefix(glibcLoader, "/"): string(loader)},
	}
	root := t.TempDir()
	tree.buildIn(t, root, "")
	for name, tt := range map[string]struct {
		text, env string
		want      []string // what is preloaded
	}{
		"one":                          {text: "one.so\n", want: []string{"one.so"}},
		"the variable comes first":     {text: "one.so\n", env: "/opt/two.so", want: []string{"/opt/two.so", "one.so"}},
		"the same in both":             {text: "/opt/two.so one.so\n", env: "one.so", want: []string{"one.so", "/opt/two.so"}},
		"separators":                   {text: "  /opt/two.so:one.so\t/opt/three.so \n\n", want: []string{"/opt/two.so", "one.so", "/opt/three.so"}},
		"no newline at the end":        {text: "one.so\n/opt/two.so", want: []string{"one.so", "/opt/two.so"}},
		"one word":                     {text: "one.so", want: []string{"one.so"}},
		"a missing one":                {text: "gone.so /opt/gone.so one.so\n", want: []string{"one.so", "missing /opt/gone.so", "missing gone.so"}},
		"a comment":                    {text: "# why\none.so\n", want: []string{"one.so"}},
		"a trailing comment":           {text: "one.so # /opt/two.so\n/opt/three.so\n", want: []string{"one.so", "/opt/three.so"}},
		"a comment without an end":     {text: "one.so # /opt/two.so", want: []string{"one.so"}},
		"a comment without a space":    {text: "one.so#/opt/two.so\n", want: []string{"one.so"}},
		"two comments":                 {text: "#1\none.so\n#2\n/opt/two.so\n", want: []string{"one.so", "/opt/two.so"}},
		"two comments, the first long": {text: "# a long one, longer than what follows\none.so #four.so\n", want: []string{"one.so", "#four.so"}},
		"a comment of nothing":         {text: "#", want: nil},
		"a DOS line ending":            {text: "one.so\r\n", want: []string{"missing one.so\r"}},
		"a NUL":                        {text: "one.so\n\x00/opt/two.so\n/opt/three.so", want: []string{"one.so", "/opt/three.so"}},
		"empty":                        {text: "", want: nil},
		"a space":                      {text: " ", want: nil},
		"none":                         {text: "none", want: []string{"missing none"}},
		"the loader itself":            {text: glibcLoader + " ld-linux-x86-64.so.2 liba.so\n", want: []string{"liba.so"}},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, filepath.Join(root, preloadPath), []byte(tt.text))
			c, err := Verify(context.Background(), DirFS(root), Program{Path: "/bin/prog"}, Env{Preload: tt.env})
			if err != nil {
				t.Fatal(err)
			}
			want, err := oracle(t, c, "/bin/prog", inRoot(root, "/"), "LD_PRELOAD="+tt.env)
			if err != nil {
				t.Fatalf("the loader: %v", err)
			}
			if got := traced(c, nil); !slices.Equal(got, want) {
				t.Errorf("got\n  %q\nthe loader\n  %q", got, want)
			}
			var got []string
			for _, line := range want {
				if name, _, _ := strings.Cut(line, " => "); name != "libdep.so" && (name != "liba.so" || strings.Contains(tt.text, name)) {
					got = append(got, name)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("the loader preloads %q, want %q", got, tt.want)
			}
			// The file of the sysroot is not read; its content has to be given.
			c, err = Resolve(context.Background(), DirFS(root), Program{Path: "/bin/prog"}, Env{PreloadFile: tt.text})
			if err != nil || tt.env == "" && !slices.Equal(traced(c, nil), want) {
				t.Errorf("with the content given: %q, %v", traced(c, nil), err)
			}
			c, err = Resolve(context.Background(), DirFS(root), Program{Path: "/bin/prog"}, Env{})
			if err != nil || len(c.Objects) != 3 || len(c.Optional) > 0 {
				t.Errorf("without: %q, %v", traced(c, nil), err)
			}
		})
	}
}

// A preloaded library has its rule as reason. One that is missing or rejected has an advice.
func TestPreloadReasons(t *testing.T) {
	for name, loader := range flavours {
		t.Run(name, func(t *testing.T) {
			sys := sysroot(fakeELF{Needed: []string{"libbase.so"}, Rpath: "/opt"}, memFS{
				"lib64/ld-linux-x86-64.so.2": loader,
				"opt/libbase.so":             string(fakeELF{}.Bytes()),
				"opt/pre.so":                 string(fakeELF{Needed: []string{"libbase.so"}, Rpath: "/opt"}.Bytes()),
				"opt/text.so":                strings.Repeat("no library ", 20),
			})
			env := Env{Preload: "/opt/pre.so /opt/none.so /opt/text.so"}
			c, err := Resolve(context.Background(), sys, Program{Path: "/bin/prog"}, env)
			if err != nil {
				t.Fatal(err)
			}
			o := c.Objects[2]
			if o.Path != "/opt/pre.so" || !strings.HasPrefix(o.By, "LD_PRELOAD, found by ") || o.NeededBy != c.Program() || o.Opened != "" {
				t.Errorf("got %+v", o)
			}
			fix := "put the library there, or remove it from LD_PRELOAD: the program starts without it"
			if len(c.Optional) == 0 || c.Optional[0].Soname != "/opt/none.so" || c.Optional[0].Fix != fix {
				t.Errorf("optional %v", c.Optional)
			}
			if len(c.Warnings) == 0 || !strings.HasPrefix(c.Warnings[0], `"/opt/text.so" of LD_PRELOAD cannot be preloaded, the program starts without it: `) {
				t.Errorf("warnings %q", c.Warnings)
			}
			// The image has its own library at that path.
			sys["opt/none.so"] = string(fakeELF{Needed: []string{"/opt/extra.so"}}.Bytes())
			sys["opt/extra.so"] = string(fakeELF{}.Bytes())
			in, err := Verify(context.Background(), sys, Program{Path: "/bin/prog"}, env)
			if err != nil {
				t.Fatal(err)
			}
			if err := Compare(context.Background(), c, in); err != nil {
				t.Error(err)
			}
			if err := Compare(context.Background(), in, c); err == nil {
				t.Error("no error for an image that lacks a preloaded library")
			}
		})
	}
}

// A set-ID program preloads only set-ID libraries of the trusted folders for its user; /etc/ld.so.preload may
// name any library by its path.
func TestPreloadSecure(t *testing.T) {
	if os.Getuid() != 0 {
		skip(t, "only root makes set-ID programs for another user")
	}
	need(t, "gcc")
	dir := sharedDir(t)
	gcc(t, dir, "usr/lib/liba.so", "int which(void){return 1;}", "-shared", "-fPIC", "-Wl,-soname,liba.so")
	gcc(t, dir, "usr/lib/plain.so", "int which(void){return 2;}", "-shared", "-fPIC")
	gcc(t, dir, "usr/lib/setid.so", "int which(void){return 3;}", "-shared", "-fPIC")
	gcc(t, dir, "bin/prog", "int which(void); int main(void){return which();}", "-Lusr/lib", "-l:liba.so")
	for name, tt := range map[string]struct {
		env, text string
		want      int // the library that the program gets
	}{
		"a library":                  {"plain.so", "", 1},
		"a set-ID library":           {"setid.so", "", 3},
		"by its path":                {"/usr/lib/setid.so", "", 1},
		"one of the file":            {"", "plain.so", 1},
		"set-ID, of the file":        {"", "setid.so", 3},
		"a path of the file":         {"setid.so", "/usr/lib/plain.so", 3},
		"only the file's path loads": {"plain.so", "/usr/lib/plain.so", 2},
	} {
		t.Run(name, func(t *testing.T) {
			give := func(root string) {
				write(t, filepath.Join(root, preloadPath), []byte(tt.text))
				if err := os.Chmod(filepath.Join(root, preloadPath), 0o644); err != nil {
					t.Fatal(err)
				}
				setID(t, filepath.Join(root, "bin/prog"))
				setID(t, filepath.Join(root, "usr/lib/setid.so"))
			}
			base, err := Resolve(context.Background(), DirFS("/"), Program{Path: "/bin/true"}, Env{})
			if err != nil {
				t.Fatal(err)
			}
			root := secureRoot(t, dir, base)
			give(root)
			c, err := Verify(context.Background(), DirFS(root), Program{Path: "/bin/prog"}, Env{Preload: tt.env})
			if err != nil {
				t.Fatal(err)
			}
			first := c.Objects[2].Name
			if want := []string{"", "liba.so", "plain.so", "setid.so"}[tt.want]; filepath.Base(first) != want {
				t.Errorf("got %s first, want %s", first, want)
			}
			if got, out := runSecure(t, root, "LD_PRELOAD="+tt.env); got != tt.want {
				t.Errorf("the program got library %d, want %d: %s", got, tt.want, out)
			}
		})
	}
}

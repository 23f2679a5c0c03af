package libraries_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// Data that a configuration file or the program itself names is in the tree, with the links on the way, and nothing is left out.
func TestNamedData(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source, library string
		paths           []string // that must be in the tree
		note            string
		warning         string
	}{
		"mecab": {
			source: "void *mecab_new2(const char *); int main(void) { return !mecab_new2(\"\"); }", library: "libmecab.so.2",
			paths: []string{"/etc/mecabrc", "/var/lib/mecab/dic/debian", "/etc/alternatives/mecab-dictionary", "/var/lib/mecab/dic/ipadic-utf8/sys.dic"},
		},
		"hunspell": {
			source: "void *Hunspell_create(const char *, const char *);\n" +
				"int main(void) { return !Hunspell_create(\"/usr/share/hunspell/en_US.aff\", \"/usr/share/hunspell/en_US.dic\"); }",
			library: "libhunspell-1.7.so.0", paths: []string{"/usr/share/hunspell/en_US.aff", "/usr/share/hunspell/en_US.dic"},
			note: "/usr/share/hunspell/en_US.aff is added, 3.1 kB: /prog names it; Exclude leaves it out",
		},
		"hunspell, of a language that it asks for": {
			source:  "void *Hunspell_create(const char *, const char *); int main(int n, char **v) { return !Hunspell_create(v[1], v[2]); }",
			library: "libhunspell-1.7.so.0", warning: "warning: not in the image: hunspell (/usr/share/hunspell), of ",
		},
		"two libraries": {
			source:  "void *dlopen(const char *, int); int main(int n, char **v) { return !dlopen(n > 1 ? \"libz.so.1\" : \"libsqlite3.so.0\", 1); }",
			library: "libm.so.6", paths: []string{"/usr/lib/x86_64-linux-gnu/libsqlite3.so.0", "/usr/lib/x86_64-linux-gnu/libz.so.1"},
			note: " MB with 1 more that are needed: /prog opens libraries and names libsqlite3.so.0, libz.so.1; Exclude leaves single ones out",
		},
		"character sets": {
			source:  "void *iconv_open(const char *, const char *); int main(int n, char **v) { return iconv_open(v[1], \"UTF-8\") == (void *)-1; }",
			library: "libm.so.6", paths: []string{"/usr/lib/x86_64-linux-gnu/gconv/UTF-16.so"},
			note: " MB, for any that iconv_open is asked for, a plugin of /lib/x86_64-linux-gnu/libc.so.6 (gconv), which /prog calls; the group \"gconv\" of Exclude leaves them out",
		},
		"unixODBC": {
			source: "short SQLAllocHandle(short, void *, void **); int main(void) { void *e; return SQLAllocHandle(1, 0, &e); }", library: "libodbc.so.2",
			paths: []string{"/etc/odbcinst.ini", "/usr/lib/x86_64-linux-gnu/odbc/libsqlite3odbc.so", "/usr/lib/x86_64-linux-gnu/libsqlite3.so.0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			q := program(t)
			source, path := filepath.Join(q.Plan.Root, "data.c"), filepath.Join(q.Plan.Root, "data")
			if err := os.WriteFile(source, []byte(c.source), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("gcc", "-o", path, source, "-l:"+c.library).CombinedOutput(); err != nil {
				testkit.Missing(t, c.library+" ("+string(out)+")")
			}
			var err error
			if q.Program, err = compile.Read(gobuild.Binary{Path: path}); err != nil {
				t.Fatal(err)
			}
			f, err := libraries.Find(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			spec := files
			spec.Program, spec.Binary = "/prog", path
			leftOut := f.Fill(&spec)
			tree, err := rootfs.Assemble(context.Background(), spec)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range c.paths {
				if e, ok := tree.Lookup(p); !ok || strings.Contains(e.Reason+e.For, q.Plan.Root) {
					t.Errorf("%s is there: %t, because %q, for %q", p, ok, e.Reason, e.For)
				}
			}
			notes := strings.Join(f.Notes, "\n")
			if left := leftOut(); len(left) > 0 || !strings.Contains(notes, c.note) || strings.Contains(notes, "warning: ") != (c.warning != "") || !strings.Contains(notes, c.warning) {
				t.Errorf("the notes are %q, left out is %q", notes, left)
			}
			if _, _, err := f.Prove(context.Background(), tree); err != nil {
				t.Error(err)
			}
		})
	}
}

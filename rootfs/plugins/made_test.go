//go:build linux && amd64

package plugins

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/exclude"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// rootSpec describes a sysroot for tests of rules. File names are relative to it.
type rootSpec struct {
	program elfSpec
	libs    map[string]elfSpec
	files   map[string]string // "-> target" is a link
	musl    bool
}

// elfSpec describes an ELF file that gcc makes.
type elfSpec struct {
	soname  string
	needs   []string // files of libs
	imports []string // symbols
	defines []string // functions
	text    string   // C string among its constants
	asm     string
	runpath string
}

// Loaders of the host. The sysroots get copies.
const (
	glibcLoader = "/lib64/ld-linux-x86-64.so.2"
	muslLoader  = "/lib/ld-musl-x86_64.so.1"
)

// build makes the sysroot with a program /bin/prog.
func (m rootSpec) build(t *testing.T) string {
	t.Helper()
	need(t, "gcc")
	root := image(t.TempDir())
	loader := glibcLoader
	if m.musl {
		loader = muslLoader
	}
	data, err := os.ReadFile(loader)
	if err != nil {
		skip(t, loader+" is not installed")
	}
	root.write(t, loader, data)
	for name, content := range m.files {
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			root.links(t, []ldd.Link{{Path: "/" + name, Target: target}})
			continue
		}
		root.write(t, "/"+name, []byte(content))
	}
	for name, l := range m.libs {
		root.gcc(t, name, l, "-shared")
	}
	m.program.needs = append(m.program.needs, linkedLibs(m.libs, m.program.needs)...)
	root.gcc(t, "bin/prog", m.program, "-Wl,--dynamic-linker="+loader)
	return string(root)
}

// linkedLibs returns the libraries that a program links: the named ones, or else all that have a soname.
func linkedLibs(libs map[string]elfSpec, named []string) []string {
	var out []string
	for name, l := range libs {
		if len(named) == 0 && l.soname != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// gcc compiles a file without a C library.
func (root image) gcc(t *testing.T, name string, m elfSpec, args ...string) {
	t.Helper()
	var c strings.Builder
	fmt.Fprintf(&c, "const char text_%d[] = %q;\nvoid _start(void) {}\n", len(name), m.text)
	for _, s := range m.imports {
		fmt.Fprintf(&c, "extern char %s; void *use_%s = &%s;\n", s, s, s)
	}
	for _, s := range m.defines {
		fmt.Fprintf(&c, "void %s(void) {}\n", s)
	}
	c.WriteString(m.asm)
	dir := t.TempDir()
	source := filepath.Join(dir, "a.c")
	if err := os.WriteFile(source, []byte(c.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	root.mkdir(t, "/"+filepath.Dir(name))
	args = append(args, "-nostdlib", "-fPIC", "-w", "-Wl,--no-as-needed", "-Wl,--unresolved-symbols=ignore-all", "-Wl,--export-dynamic", "-o", filepath.Join(string(root), name), source)
	if m.soname != "" {
		args = append(args, "-Wl,-soname,"+m.soname)
	}
	if m.runpath != "" {
		args = append(args, "-Wl,--enable-new-dtags,-rpath,"+m.runpath)
	}
	for _, n := range m.needs {
		args = append(args, filepath.Join(string(root), n))
	}
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// discover runs Discover on a test sysroot with hidden files.
func discover(t *testing.T, root string, o Options, hide ...string) *Found {
	t.Helper()
	o.Whole = ldd.DirFS(root)
	sys := exclude.New(o.Whole, hide)
	c, err := ldd.Resolve(context.Background(), sys, ldd.Program{Path: "/bin/prog"}, ldd.Env{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := Discover(context.Background(), sys, c, o)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// lines lists what was found: kind, group and path.
func lines(f *Found) []string {
	var out []string
	for _, p := range f.Plugins {
		out = append(out, "plugin "+p.Group+" "+p.Path)
	}
	for _, d := range f.Files {
		out = append(out, "file "+d.Group+" "+d.Path)
	}
	for _, m := range f.Missing {
		out = append(out, "missing "+m.Group+" "+m.Path)
	}
	for _, c := range f.Candidates {
		out = append(out, strings.TrimSpace("candidate "+c.Name+" "+c.Path))
	}
	for _, r := range f.Refused {
		out = append(out, "refused "+r.Name)
	}
	return out
}

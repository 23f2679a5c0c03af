package libraries_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// compiled compiles a C program of one statement.
func compiled(t *testing.T, path, code string, flags ...string) {
	t.Helper()
	testkit.Need(t, "gcc")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(t.TempDir(), "main.c")
	if err := os.WriteFile(source, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", append([]string{"-o", path, source}, flags...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

const usesZlib = "extern const char *zlibVersion(void);\nint main(void) { return zlibVersion() == 0; }\n"

// withFiles gives an image files of the user's.
func withFiles(t *testing.T, q libraries.Query, list ...rootfs.File) libraries.Query {
	t.Helper()
	spec := files
	spec.Files = list
	var err error
	if q.Base, err = rootfs.Assemble(context.Background(), spec); err != nil {
		t.Fatal(err)
	}
	q.Plan.Files.Files = list
	return q
}

// treeOf assembles the whole image.
func treeOf(t *testing.T, q libraries.Query, f *libraries.Found) *rootfs.Tree {
	t.Helper()
	spec := files
	spec.Files, spec.Program, spec.Binary = q.Plan.Files.Files, "/prog", q.Program.Path
	if f != nil {
		f.Fill(&spec)
	}
	tree, err := rootfs.Assemble(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func found(t *testing.T, q libraries.Query) *libraries.Found {
	t.Helper()
	f, err := libraries.Find(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// zlib returns the entry of zlib in a tree.
func zlib(tree *rootfs.Tree) (e rootfs.Entry) {
	for _, e := range tree.Entries() {
		if strings.Contains(e.Path, "/libz.so.1") && e.Mode.IsRegular() {
			return e
		}
	}
	return e
}

// What a program among the user's files loads comes along, wherever it lies, and the proof covers it.
func TestExecutables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tool := filepath.Join(dir, "bin", "tool")
	compiled(t, tool, usesZlib, "-l:libz.so.1")
	for name, file := range map[string]rootfs.File{
		"a file":     {From: tool, To: "/opt/bin/tool"},
		"into":       {From: tool, To: "/opt/bin/"},
		"a pattern":  {From: filepath.Join(dir, "bin", "t*"), To: "/opt/bin/"},
		"in folders": {From: dir, To: "/opt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := withFiles(t, program(t), file)
			f := found(t, q)
			if len(f.Executables) != 1 || f.Executables[0].Path != "/opt/bin/tool" || f.Executables[0].Loader != f.Loader || len(f.Executables[0].Loaded) < 3 {
				t.Errorf("%+v", f.Executables)
			}
			tree := treeOf(t, q, f)
			if e := zlib(tree); e.For != "/opt/bin/tool" || e.Layer != rootfs.System {
				t.Errorf("zlib is %+v", e)
			}
			if e, _ := tree.Lookup("/opt/bin/tool"); e.Layer != rootfs.Files {
				t.Errorf("the tool is %+v", e)
			}
			if !strings.Contains(f.Words, "for 1 executables of Files") {
				t.Errorf("words %q", f.Words)
			}
			if notes, _, err := f.Prove(context.Background(), tree); err != nil || len(notes) > 0 {
				t.Errorf("%q %v", notes, err)
			}
			notes, _, err := f.Prove(context.Background(), treeWithout(t, q))
			if name != "in folders" && (err == nil || !strings.Contains(err.Error(), "verifying that /opt/bin/tool of Files starts") || !strings.Contains(err.Error(), "0o644")) {
				t.Errorf("without zlib: %v", err)
			}
			if name == "in folders" && (err != nil || !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "/opt/bin/tool of Files cannot start") })) {
				t.Errorf("without zlib: %q %v", notes, err)
			}
		})
	}
}

// treeWithout is the image as it is without regard to executables.
func treeWithout(t *testing.T, q libraries.Query) *rootfs.Tree {
	t.Helper()
	spec := files
	spec.Files, spec.Program, spec.Binary = q.Plan.Files.Files, "/prog", q.Program.Path
	found(t, withFiles(t, q)).Fill(&spec)
	tree, err := rootfs.Assemble(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// A library of the user's that lies where the program's search path leads is taken, and stays the user's.
func TestExecutableWithItsLibraries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	compiled(t, filepath.Join(dir, "lib", "libown.so"), "int own(void) { return 1; }\n", "-shared", "-fPIC")
	compiled(t, filepath.Join(dir, "bin", "tool"), "int own(void);\nint main(void) { return own(); }\n", "-L"+filepath.Join(dir, "lib"), "-lown", "-Wl,-rpath,$ORIGIN/../lib")
	q := withFiles(t, program(t), rootfs.File{From: dir, To: "/opt", Owner: "7:7"})
	f := found(t, q)
	tree := treeOf(t, q, f)
	if e, _ := tree.Lookup("/opt/lib/libown.so"); e.Layer != rootfs.Files || e.UID != 7 {
		t.Errorf("%+v", e)
	}
	if notes, _, err := f.Prove(context.Background(), tree); err != nil || len(f.Executables) != 1 || len(notes) > 0 || len(f.Notes) > 0 {
		t.Errorf("%+v %q %q %v", f.Executables, f.Notes, notes, err)
	}
}

// Files that need nothing, or that nobody executes, change nothing.
func TestNoExecutables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	compiled(t, filepath.Join(dir, "static"), "int main(void) { return 0; }\n", "-static")
	compiled(t, filepath.Join(dir, "libx.so"), "int x;\n", "-shared", "-fPIC", "-Wl,-soname,libx.so", "-l:libz.so.1", "-Wl,--no-as-needed")
	compiled(t, filepath.Join(dir, "data"), usesZlib, "-l:libz.so.1")
	if err := os.WriteFile(filepath.Join(dir, "text"), []byte("\x7fEL"), 0o755); err != nil {
		t.Fatal(err)
	}
	q := withFiles(t, program(t),
		rootfs.File{From: filepath.Join(dir, "static"), To: "/static"}, rootfs.File{From: filepath.Join(dir, "text"), To: "/text"},
		rootfs.File{From: filepath.Join(dir, "libx.so"), To: "/opt/x"}, rootfs.File{From: filepath.Join(dir, "data"), To: "/data.bin", Mode: 0o644})
	f := found(t, q)
	tree := treeOf(t, q, f)
	if e := zlib(tree); len(f.Executables) > 0 || e.Path != "" || len(f.Notes) > 0 {
		t.Errorf("%+v %q %+v", f.Executables, f.Notes, e)
	}
}

// Of what cannot start, a named file is an error and one in a folder a warning. Another architecture is a warning: such files are data for
// other machines.
func TestExecutableThatCannotStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lib, tool := filepath.Join(t.TempDir(), "libgone.so"), filepath.Join(dir, "tool")
	compiled(t, lib, "int gone(void) { return 1; }\n", "-shared", "-fPIC", "-Wl,-soname,libgone.so")
	compiled(t, tool, "int gone(void);\nint main(void) { return gone(); }\n", lib)
	q := program(t)
	_, err := libraries.Find(context.Background(), withFiles(t, q, rootfs.File{From: tool, To: "/tool", Reason: "configured"}))
	if err == nil || !strings.Contains(err.Error(), "what /tool of Files (configured) loads") || !strings.Contains(err.Error(), `"libgone.so" not found`) || !strings.Contains(err.Error(), "0o644") {
		t.Errorf("%v", err)
	}
	f := found(t, withFiles(t, q, rootfs.File{From: dir, To: "/opt"}))
	if len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "/opt/tool of Files cannot start in the image") {
		t.Errorf("%q", f.Notes)
	}
	q.Plan.Platform = platform.Platform{OS: "linux", Architecture: "riscv64"}
	f = found(t, withFiles(t, q, rootfs.File{From: tool, To: "/tool"}))
	if len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "/tool of Files: for ") || !strings.Contains(f.Notes[0], "image is for riscv64") {
		t.Errorf("%q", f.Notes)
	}
}

// The notes speak of what a program among the user's files brings too.
func TestNotesOfExecutables(t *testing.T) {
	t.Parallel()
	const dictionary, font = "/usr/share/hunspell/en_US.dic", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
	for _, name := range []string{dictionary, font, "/usr/lib/x86_64-linux-gnu/libhunspell-1.7.so.0"} {
		if _, err := os.Stat(name); err != nil {
			testkit.Missing(t, name)
		}
	}
	tool := filepath.Join(t.TempDir(), "tool")
	compiled(t, tool, `void *iconv_open(const char *, const char *); int FcInit(void); void *Hunspell_create(const char *, const char *);
		int main(int n, char **v) { return !FcInit() || !Hunspell_create("`+dictionary+`", v[1]) || !iconv_open(v[1], v[2]); }`,
		"-l:libfontconfig.so.1", "-l:libhunspell-1.7.so.0")
	q := withFiles(t, program(t), rootfs.File{From: tool, To: "/opt/tool"})
	notes := strings.Join(found(t, q).Notes, "\n")
	for _, want := range []string{dictionary + " is added, ", "the font " + font + " is added, 7", "character sets: ", "which /opt/tool calls"} {
		if strings.Count(notes, want) != 1 {
			t.Errorf("%d of %q in %q", strings.Count(notes, want), want, notes)
		}
	}
	compiled(t, tool, "void *Hunspell_create(const char *, const char *); int main(int n, char **v) { return !Hunspell_create(v[1], v[2]); }", "-l:libhunspell-1.7.so.0")
	if f := found(t, q); !slices.ContainsFunc(f.Notes, func(n string) bool {
		return strings.HasPrefix(n, "warning: not in the image: hunspell (/usr/share/hunspell)")
	}) {
		t.Errorf("notes %q", f.Notes)
	}
}

// A script whose interpreter is not in the image is a warning, one for each interpreter.
func TestScripts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"a": "#! /bin/nosh -e\n", "b": "#!/bin/nosh", "c": "#!/opt/a\n", "d": "#!relative\n", "e": "#!\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	q := withFiles(t, program(t), rootfs.File{From: dir, To: "/opt"})
	f := found(t, q)
	_, notes, err := f.Prove(context.Background(), treeOf(t, q, f))
	if err != nil || len(notes) != 1 || !strings.HasPrefix(notes[0], "warning: /opt/a, /opt/b of Files: a script for /bin/nosh") {
		t.Errorf("%q %v", notes, err)
	}
}

// What was kept does not hold for another program at the same path, and gives the same tree for the same one.
func TestExecutablesRecalled(t *testing.T) {
	t.Parallel()
	tool := filepath.Join(t.TempDir(), "tool")
	compiled(t, tool, usesZlib, "-l:libz.so.1")
	q := withFiles(t, program(t), rootfs.File{From: tool, To: "/tool"})
	q.Plan.Run.Key, q.Plan.Run.Began = "key", time.Now().Add(time.Hour)
	first := found(t, q)
	made := treeOf(t, q, first)
	if err := os.MkdirAll(string(q.Plan.Dist()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := first.Keep(made, first.Notes, nil); err != nil {
		t.Fatal(err)
	}
	if q.Earlier = libraries.ReadKept(q.Plan.Dist()); q.Earlier == nil {
		t.Fatal("nothing is kept")
	}
	again := found(t, q)
	tree := treeOf(t, q, again)
	if !again.Recalled() || zlib(tree).For != "/tool" || len(tree.Entries()) != len(made.Entries()) || len(again.Executables) != 1 {
		t.Errorf("recalled %v, zlib %+v, %+v", again.Recalled(), zlib(tree), again.Executables)
	}
	if _, _, err := again.Prove(context.Background(), tree); err != nil {
		t.Error(err)
	}
	compiled(t, tool, "int main(void) { return 0; }\n")
	changed := found(t, withFiles(t, q, rootfs.File{From: tool, To: "/tool"}))
	if changed.Recalled() || zlib(treeOf(t, q, changed)).Path != "" {
		t.Errorf("recalled %v", changed.Recalled())
	}
}

// Libraries that names a program says where programs belong.
func TestLibrariesNamesAnExecutable(t *testing.T) {
	t.Parallel()
	tool := filepath.Join(t.TempDir(), "tool")
	compiled(t, tool, usesZlib, "-l:libz.so.1")
	q := program(t)
	q.Plan.Libraries.Names = []string{tool}
	if _, err := libraries.Find(context.Background(), q); err == nil || !strings.Contains(err.Error(), "Files instead of Libraries") {
		t.Errorf("%v", err)
	}
}

// A change of a library that only a program among Files loads is seen.
func TestExecutablesLibraryChanges(t *testing.T) {
	t.Parallel()
	tool := filepath.Join(t.TempDir(), "tool")
	compiled(t, tool, usesZlib, "-l:libz.so.1")
	q := withFiles(t, program(t), rootfs.File{From: tool, To: "/tool"})
	sysroot := filepath.Join(t.TempDir(), "sysroot")
	if err := treeOf(t, q, found(t, q)).WriteDir(context.Background(), sysroot); err != nil {
		t.Fatal(err)
	}
	q.Plan.Libraries.Sysroot = sysroot
	q.Plan.Run.Key, q.Plan.Run.Began = "key", time.Now().Add(time.Hour)
	f := found(t, q)
	made := treeOf(t, q, f)
	if err := os.MkdirAll(string(q.Plan.Dist()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.Keep(made, f.Notes, nil); err != nil {
		t.Fatal(err)
	}
	if libraries.ReadKept(q.Plan.Dist()) == nil {
		t.Fatal("nothing is kept")
	}
	name := filepath.Join(sysroot, filepath.FromSlash(zlib(made).Path))
	if err := os.Chtimes(name, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if libraries.ReadKept(q.Plan.Dist()) != nil {
		t.Error("what was kept still holds")
	}
}

// A program among Files may use another C library than the compiled one: each has a loader of its own.
func TestExecutableOfAnotherLibc(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "musl-gcc")
	dir := t.TempDir()
	source, tool := filepath.Join(dir, "main.c"), filepath.Join(dir, "tool")
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("musl-gcc", "-o", tool, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	q := withFiles(t, program(t), rootfs.File{From: tool, To: "/tool"})
	f := found(t, q)
	if len(f.Executables) != 1 || !strings.Contains(f.Executables[0].Loader, "ld-musl-") || strings.Contains(f.Loader, "musl") {
		t.Errorf("%q %+v", f.Loader, f.Executables)
	}
	if notes, _, err := f.Prove(context.Background(), treeOf(t, q, f)); err != nil || len(notes) > 0 {
		t.Errorf("%q %v", notes, err)
	}
}

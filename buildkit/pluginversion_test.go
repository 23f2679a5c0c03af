package buildkit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// A plugin that wants a newer version of a library than the sysroot has could never be
// opened: it is left out, with a note, and the image is delivered.
func TestPluginOfMissingVersion(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	root := sysroot(t)
	libs := filepath.Join(root, "usr/lib/x86_64-linux-gnu")
	newer := t.TempDir()
	compileC(t, "int answer(void) { return 42; }", filepath.Join(libs, "libsasl2.so.2"), "-shared", "-Wl,-soname,libsasl2.so.2")
	for dir, versions := range map[string]string{libs: "V_1 { versioned; };", newer: "V_1 { }; V_2 { versioned; };"} {
		script := filepath.Join(t.TempDir(), "versions")
		if err := os.WriteFile(script, []byte(versions), 0o644); err != nil {
			t.Fatal(err)
		}
		compileC(t, "void versioned(void) {}", filepath.Join(dir, "libversioned.so.1"), "-shared", "-Wl,-soname,libversioned.so.1", "-Wl,--version-script="+script)
	}
	if err := os.Mkdir(filepath.Join(libs, "sasl2"), 0o755); err != nil {
		t.Fatal(err)
	}
	compileC(t, "void versioned(void); void plugin(void) { versioned(); }", filepath.Join(libs, "sasl2/libnew.so"), "-shared", filepath.Join(newer, "libversioned.so.1"))
	compileC(t, "void plugin(void) {}", filepath.Join(libs, "sasl2/libold.so"), "-shared")
	dir := module(t, map[string]string{
		"go.mod": `module example.com/caller

go 1.23
`,
		"main.go": strings.Replace(caller, "-lfromscratchanswer", "-l:libsasl2.so.2", 1),
	})
	built := mustBuild(t, dir, buildkit.Config{Sysroot: root, Build: config.Build{Env: map[string]string{"CGO_LDFLAGS": "-L" + libs}}})
	for name, want := range map[string]bool{"libnew.so": false, "libold.so": true} {
		if _, ok := built.Tree.Lookup("/usr/lib/x86_64-linux-gnu/sasl2/" + name); ok != want {
			t.Errorf("%s is in the image: %t", name, ok)
		}
	}
	notes := fmt.Sprint(built.Explain().Notes)
	for _, want := range []string{"libnew.so is left out", "V_2 of libversioned.so.1", "goes up to V_1"} {
		if !strings.Contains(notes, want) {
			t.Errorf("the notes do not say %q:\n%s", want, notes)
		}
	}
}

// compileC compiles a file of C.
func compileC(t *testing.T, source, file string, args ...string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a.c")
	if err := os.WriteFile(name, []byte(source+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	output(t, "", "gcc", append([]string{"-fPIC", "-o", file, name}, args...)...)
}

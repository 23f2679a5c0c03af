package ldd

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A program has the same interface if only its code has changed. It has another one if it imports more, exports
// more, or searches elsewhere.
func TestInterface(t *testing.T) {
	need(t, "gcc")
	dir := t.TempDir()
	sum := func(name, source string, args ...string) string {
		t.Helper()
		in := filepath.Join(dir, name+".c")
		if err := os.WriteFile(in, []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, name)
		run(t, "", "gcc", append([]string{"-o", out, in}, args...)...)
		s, err := Interface(out)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const source = "#include <stdio.h>\nint main(int n, char **v) { printf(\"%d\\n\", n); return 0; }\n"
	first := sum("first", source)
	if zones := sum("zones", "const char *data = \"/usr/share/zoneinfo/UTC\";\n"+source); zones != first {
		t.Error("the path of a zone changes the interface")
	}
	if again := sum("again", "#include <stdio.h>\nint big[1000] = {1};\nint main(int n, char **v) { for (; n > 3; n--) printf(\"%d\\n\", big[n]); return 7; }\n"); again != first {
		t.Error("a change of code changes the interface")
	}
	const opens = "#include <dlfcn.h>\nint main(int n, char **v) { return !dlopen(\"%s\", 1); }\n"
	if sum("opens", fmt.Sprintf(opens, "libone.so.1")) == sum("opens2", fmt.Sprintf(opens, "libtwo.so.1")) {
		t.Error("the name of a library that a program opens does not change the interface")
	}
	for name, other := range map[string]string{
		"another symbol":  sum("symbol", "#include <stdio.h>\nint main(void) { puts(\"x\"); perror(\"y\"); return 0; }\n"),
		"another library": sum("library", source, "-Wl,--no-as-needed", "-lm"),
		"a search path":   sum("path", source, "-Wl,-rpath,/opt/lib"),
		"an export":       sum("export", "int offered(void) { return 1; }\n"+source, "-rdynamic"),
		"static":          sum("static", source, "-static"),
		"data":            sum("data", "const char *data = \"/usr/share/dict/words\";\n"+source),
	} {
		if other == first {
			t.Errorf("%s: the interface is the same", name)
		}
	}
	if _, err := Interface("interface_test.go"); err == nil {
		t.Error("no error for a text file")
	}
}

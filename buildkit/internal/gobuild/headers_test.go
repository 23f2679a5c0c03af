package gobuild_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// withHeader returns a program that prints a constant of a header in a folder of cgo's flags.
func withHeader(flags string) files {
	return files{
		"go.mod":         mod,
		"near/go.mod":    "module near\n",
		"inc/deep/val.h": "#define VAL 1\n",
		"near/val.inc":   "#define VAL 1\n",
		"main.go": "package main\n\n// #cgo " + flags + "\n// #ifdef NEAR\n// #include \"val.inc\"\n// #else\n// #include <deep/val.h>\n// #endif\n" +
			`// static int val(void) { return VAL; }
import "C"

func main() { println(C.val()) }
`,
	}
}

// A changed header in a folder of the flags is compiled, though the go command does not track that folder.
func TestChangedHeader(t *testing.T) {
	need(t, "gcc")
	for name, row := range map[string]struct{ flags, env, header string }{
		"a folder below":     {"CFLAGS: -I${SRCDIR}/inc", "", "inc/deep/val.h"},
		"another module's":   {"CPPFLAGS: -DNEAR -I${SRCDIR}/near", "", "near/val.inc"},
		"the environment's":  {"LDFLAGS: -lm", "-IDIR/inc", "inc/deep/val.h"},
		"a file of the flag": {"CFLAGS: -I${SRCDIR}/inc -include inc/deep/val.h", "", "inc/deep/val.h"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := withHeader(row.flags).write(t)
			extra := "CGO_CPPFLAGS="
			if row.env != "" {
				extra += "-I" + filepath.Join(dir, "inc")
			}
			for _, want := range []string{"1", "2"} {
				if err := os.WriteFile(filepath.Join(dir, row.header), []byte("#define VAL "+want+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				b := build(t, goIn(dir, extra), linux, gobuild.Options{})
				if got := run(t, b.Path); got != want {
					t.Errorf("the program has the old header: it prints %s, want %s", got, want)
				}
			}
		})
	}
}

// The checksum is not part of the program: two checkouts make the same bytes.
func TestHeadersReproducible(t *testing.T) {
	need(t, "gcc")
	var programs [][]byte
	for range 2 {
		b := build(t, goIn(withHeader("CFLAGS: -I${SRCDIR}/inc").write(t)), linux, gobuild.Options{})
		program, err := os.ReadFile(b.Path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(program, []byte("FROMSCRATCH_HEADERS")) {
			t.Error("the program has the macro in it")
		}
		programs = append(programs, program)
	}
	if !bytes.Equal(programs[0], programs[1]) {
		t.Error("two checkouts make other bytes")
	}
}

// The .pc files of pkg-config are sources, with the build's command and environment.
func TestSourcesOfPkgConfig(t *testing.T) {
	need(t, "gcc")
	tools, pcs := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\n[ \"$*\" = '--variable=pc_path pkg-config' ] && echo \"$ANSWER\"\n"
	for _, name := range []string{"pkg-config", "my-pkg-config"} {
		if err := os.WriteFile(filepath.Join(tools, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	pc := filepath.Join(pcs, "some.pc")
	if err := os.WriteFile(pc, []byte("Name: some\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := files{
		"go.mod": mod,
		"main.go": `package main

// #cgo pkg-config: some
import "C"

func main() {}
`,
	}.write(t)
	for _, command := range []string{"", "my-pkg-config", "pkg-config --static"} {
		g := goIn(dir, "PKG_CONFIG="+command, "ANSWER="+pcs, "PATH="+tools+":"+os.Getenv("PATH"))
		if command == "pkg-config --static" {
			// Its options come before the question.
			if err := os.WriteFile(filepath.Join(tools, "pkg-config"), []byte("#!/bin/sh\n[ \"$1\" = --static ] && echo \"$ANSWER\"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		src := find(t, g, linux, gobuild.Options{}).Sources
		if !contains(src.Files, pc) {
			t.Errorf("with PKG_CONFIG=%q the description is no source", command)
		}
	}
}

func contains(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}

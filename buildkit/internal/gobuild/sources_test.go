package gobuild_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// The paths in a cgo package's flags are sources. For the folder of a module, folders below it are not: they may be the
// repository, documents or other packages.
func TestSourcesOfCgo(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	for name, row := range map[string]struct {
		folder string // of the package; "." is the module's root
		flags  string
		env    string // CGO_LDFLAGS, with DIR for the module's folder
		trees  []string
		flat   []string
	}{
		"a module's root":              {folder: ".", flat: []string{"."}},
		"a folder":                     {folder: "csum", flat: []string{"csum"}},
		"the root, named by a flag":    {folder: ".", flags: "CFLAGS: -I${SRCDIR}", flat: []string{"."}},
		"the root, named from below":   {folder: "csum", flags: "LDFLAGS: -L${SRCDIR}/..", flat: []string{".", "csum"}},
		"a folder, named by itself":    {folder: "csum", flags: "CFLAGS: -I${SRCDIR}", trees: []string{"csum"}, flat: []string{"csum"}},
		"a folder below the root":      {folder: ".", flags: "CFLAGS: -I${SRCDIR}/include", trees: []string{"include"}, flat: []string{"."}},
		"where the compiler runs":      {folder: "csum", flags: "CFLAGS: -Iinclude -I ../near", trees: []string{"csum/include", "near"}, flat: []string{"csum"}},
		"a library":                    {folder: ".", flags: "LDFLAGS: ${SRCDIR}/lib/libx.a -lm", trees: []string{"lib/libx.a"}, flat: []string{"."}},
		"the environment's":            {folder: ".", env: "-LDIR/lib -O2 -L /usr/lib", trees: []string{"lib"}, flat: []string{"."}},
		"what the system has":          {folder: ".", flags: "CFLAGS: -I/usr/include -DX=1 -O2", flat: []string{"."}},
		"of a preprocessor, elsewhere": {folder: ".", flags: "CPPFLAGS: -isystem /opt/none/include", trees: []string{"/opt/none/include"}, flat: []string{"."}},
	} {
		t.Run(name, func(t *testing.T) {
			source := csum
			if row.flags != "" {
				source = strings.Replace(csum, "// static", "// #cgo "+row.flags+"\n// static", 1)
			}
			path := "example.com/app"
			if row.folder != "." {
				path += "/" + row.folder
			}
			dir := files{
				"go.mod": mod, filepath.Join(row.folder, "csum.go"): source, "lib/libx.a": "",
				"cmd/main.go": "package main\n\nimport csum \"" + path + "\"\n\nfunc main() { println(csum.Sum(1, 2)) }\n",
			}.write(t)
			src := find(t, goIn(dir, "CGO_LDFLAGS="+strings.ReplaceAll(row.env, "DIR", dir)), linux, gobuild.Options{}).Sources
			at := func(names []string) []string {
				var paths []string
				for _, n := range names {
					if !filepath.IsAbs(n) {
						n = filepath.Join(dir, n)
					}
					paths = append(paths, n)
				}
				return paths
			}
			if want := at(row.trees); !slices.Equal(src.Trees, want) {
				t.Errorf("the trees are %q, want %q", src.Trees, want)
			}
			if want := at(row.flat); !slices.Equal(src.Cgo, want) {
				t.Errorf("the folders of cgo are %q, want %q", src.Cgo, want)
			}
		})
	}
}

// Every command that CC and CXX name is a source, even the compiler that ccache calls. So is every place where another
// command would be found first.
func TestSourcesOfCompilers(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	wrappers, real := t.TempDir(), t.TempDir()
	script := []byte("#!/bin/sh\nexec \"$@\"\n")
	for _, path := range []string{filepath.Join(wrappers, "ccache"), filepath.Join(real, "my-gcc"), filepath.Join(real, "my-g++")} {
		if err := os.WriteFile(path, script, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("ccache", filepath.Join(wrappers, "my-g++")); err != nil {
		t.Fatal(err)
	}
	dir := files{"go.mod": mod, "main.go": main}.write(t)
	g := goIn(dir, "CC=ccache my-gcc -O1", "CXX=my-g++", "PATH="+wrappers+":"+real+":"+os.Getenv("PATH"))
	src := find(t, g, linux, gobuild.Options{}).Sources
	for _, want := range []string{
		filepath.Join(wrappers, "ccache"), filepath.Join(real, "my-gcc"),
		filepath.Join(wrappers, "my-g++"), filepath.Join(real, "my-g++"), // ccache looks for the second
		filepath.Join(wrappers, "my-gcc"), filepath.Join(wrappers, "go"), // they do not exist yet
	} {
		if !slices.Contains(src.Files, want) {
			t.Errorf("%s is no source", want)
		}
	}
	if slices.ContainsFunc(src.Files, func(path string) bool { return filepath.Base(path) == "-O1" }) {
		t.Error("an option is a source")
	}
}

// A flag that makes the go command read unknown files, or do everything again, sets Doubt.
func TestSourcesInDoubt(t *testing.T) {
	t.Parallel()
	dir := files{"go.mod": mod, "main.go": main, "overlay.json": "{}", "other.mod": mod}.write(t)
	for _, row := range []struct {
		flags   []string
		goflags string
		doubt   bool
	}{
		{flags: nil},
		{flags: []string{"-a"}, doubt: true},
		{goflags: "-a", doubt: true},
		{flags: []string{"-a=false"}, goflags: "-v"},
		{flags: []string{"-overlay=" + filepath.Join(dir, "overlay.json")}, doubt: true},
		{goflags: "-modfile=" + filepath.Join(dir, "other.mod"), doubt: true},
		{flags: []string{"-toolexec=env"}, doubt: true},
		{flags: []string{"-pgo=auto"}},
		{flags: []string{"-pgo=cpu.pprof"}, doubt: true},
	} {
		src := find(t, goIn(dir, "GOFLAGS="+row.goflags), linux, gobuild.Options{Flags: row.flags}).Sources
		if (src.Doubt != "") != row.doubt {
			t.Errorf("flags %q and GOFLAGS %q: the doubt is %q", row.flags, row.goflags, src.Doubt)
		}
	}
}

// The standard library and the tools that compile it are sources: somebody may edit or replace them in place.
func TestSourcesOfLibrary(t *testing.T) {
	dir := files{
		"go.mod": mod,
		"main.go": `package main

import "strings"

func main() { println(strings.ToUpper("a")) }
`,
	}.write(t)
	src := find(t, goIn(dir), linux, gobuild.Options{}).Sources
	root := runtime.GOROOT()
	for _, name := range []string{
		"src/strings/strings.go", "src/runtime/proc.go", "src/runtime/asm_amd64.s", "src/runtime/textflag.h",
		"bin/go", "pkg/tool/" + runtime.GOOS + "_" + runtime.GOARCH + "/compile",
	} {
		if path := filepath.Join(root, name); !slices.Contains(slices.Concat(src.Files, src.Library), path) {
			t.Errorf("%s is no source", path)
		}
	}
}

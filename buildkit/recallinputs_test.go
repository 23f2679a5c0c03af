package buildkit_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// inputChange is a change of one input of the last build.
type inputChange struct {
	name string
	do   func(*testing.T)
	same bool // the image is the same all the same
}

// seesEach makes one change after the other: before it the image stands, after it the image does not.
func seesEach(t *testing.T, dir string, c buildkit.Config, changes []inputChange) {
	t.Helper()
	before := run(t, inputs(dir, c))
	for _, change := range changes {
		if !stands(t, inputs(dir, c)) {
			t.Fatalf("%s: nothing has changed yet, and the image does not stand", change.name)
		}
		change.do(t)
		in := inputs(dir, c)
		if stands(t, in) {
			t.Errorf("%s: the change is not seen", change.name)
			in.Environ = append(in.Environ, "IMAGE_TAG=other") // for the next one
		}
		after := run(t, in)
		if same := fmt.Sprint(before) == fmt.Sprint(after); same != change.same {
			t.Errorf("%s: the image is the same: %t, want %t", change.name, same, change.same)
		}
		before = after
	}
}

// writing writes a file of a folder.
func writing(dir, name, content string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// overwriting writes another text of the same length over a file, and gives it its time again.
func overwriting(dir, name, content string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() != int64(len(content)) {
			t.Fatalf("%s has %d bytes, and would have %d", name, info.Size(), len(content))
		}
		writing(dir, name, content)(t)
		if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
}

// replacing is overwriting by another file of the name, as package managers do it.
func replacing(dir, name, content string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		path := filepath.Join(dir, name)
		old, err := os.ReadFile(path)
		if err == nil {
			err = os.Rename(path, path+".old")
		}
		if err == nil {
			err = os.WriteFile(path+".new", old, 0o755)
		}
		info, statErr := os.Stat(path + ".old")
		if err = errors.Join(err, statErr); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path+".new", info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		overwriting(dir, name+".new", content)(t)
		if err := errors.Join(os.Rename(path+".new", path), os.Remove(path+".old")); err != nil {
			t.Fatal(err)
		}
	}
}

// swapped is the bundle of two authorities in the other order.
func swapped(t *testing.T) string {
	t.Helper()
	first := authorities(t, 1)
	return strings.TrimPrefix(authorities(t, 2), first) + first
}

// authorities is a bundle of the first certificates of this machine.
func authorities(t *testing.T, n int) string {
	t.Helper()
	rest, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		missing(t, "the package ca-certificates")
	}
	var bundle strings.Builder
	for range n {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			t.Fatal("the bundle of this machine ends early")
		}
		bundle.Write(pem.EncodeToMemory(block))
	}
	return bundle.String()
}

// describing is what pkg-config reads.
func describing(answer int) string {
	return fmt.Sprintf("Name: madeup\nDescription: a library\nVersion: 1\nCflags: -DMADEUP=%d\nLibs:\n", answer)
}

// What lies around a program counts as well as its source: the commands that compile it and their settings, the modules
// of its workspace, what C reads, and certificates.
func TestRecallSeesWhatIsAround(t *testing.T) {
	need(t, "gcc", "pkg-config")
	golang, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	around := module(t, map[string]string{
		"env": "", "pc/madeup.pc": describing(1), "bundle.pem": authorities(t, 1), "bin/.keep": "", "more.pem": authorities(t, 1),
	})
	t.Setenv("GOENV", filepath.Join(around, "env"))
	t.Setenv("PKG_CONFIG_PATH", filepath.Join(around, "pc"))
	t.Setenv("SSL_CERT_FILE", filepath.Join(around, "bundle.pem"))
	t.Setenv("PATH", filepath.Join(around, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	dir := module(t, map[string]string{
		"go.mod": `module example.com/app

go 1.23
`,
		"go.work": `go 1.23

use (
	.
	./only
)
`,
		"only/go.mod": `module example.com/only

go 1.23
`,
		"only/only.go": `package only

const Answer = 1
`,
		"answer.h": "#define ANSWER 1\n",
		"main.go": `package main

// #cgo CFLAGS: -I${SRCDIR}
// #cgo pkg-config: madeup
// #include "answer.h"
import "C"
import "example.com/only"

func main() { println(C.ANSWER, C.MADEUP, only.Answer) }
`,
		".git/index":          "",
		"node_modules/x/x.js": "",
	})
	c := buildkit.Config{Main: ".", Certificates: []string{filepath.Join(around, "more.pem")}}
	goAt := "#!/bin/sh\nexec " + golang + " \"$@\"\n"
	seesEach(t, dir, c, []inputChange{
		{"go.sum", writing(dir, "go.sum", "example.com/x v1.0.0/go.mod h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"), true},
		{"go.work.sum", writing(dir, "go.work.sum", "example.com/x v1.0.0/go.mod h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"), true},
		{"a file of a module that only the workspace has", writing(dir, "only/only.go", "package only\n\nconst Answer = 2\n"), false},
		{"the go.mod of that module", writing(dir, "only/go.mod", "module example.com/only // renamed\n\ngo 1.23\n"), true},
		{"a header in the folder of the package", writing(dir, "answer.h", "#define ANSWER 2\n"), false},
		{"a description of pkg-config", writing(around, "pc/madeup.pc", describing(2)), true}, // the go command keeps what it has compiled
		{"a new description of pkg-config", writing(around, "pc/other.pc", describing(3)), true},
		{"what go env -w has written", writing(around, "env", "GOFLAGS=-tags=x\n"), false}, // build info names the tags
		{"another go in PATH", writing(around, "bin/go", goAt), true},
		{"that go, replaced by one of the same size and time", replacing(around, "bin/go", strings.TrimSuffix(goAt, "\n")+" "), true},
		{"that go, written over with the same size and time", overwriting(around, "bin/go", goAt), true},
		{"another compiler in PATH", writing(around, "bin/gcc", "#!/bin/sh\nexec /usr/bin/gcc \"$@\"\n"), true},
		{"the bundle of certificates", writing(around, "bundle.pem", authorities(t, 2)), false},
		{"the bundle, written over with the same size and time", overwriting(around, "bundle.pem", swapped(t)), false},
		{"the bundle, replaced by one of the same size and time", replacing(around, "bundle.pem", authorities(t, 2)), false},
		{"a certificate of the Config", writing(around, "more.pem", authorities(t, 3)), false},
	})

	// A repository that lies around the package is none of its headers, whatever the flags name, and neither are the
	// documents and tools of others.
	for _, name := range []string{".git/index", ".git/refs/heads/main", "node_modules/x/x.js"} {
		writing(dir, name, "changed")(t)
	}
	if !stands(t, inputs(dir, c)) {
		t.Error("the image does not stand after a change of the repository around it")
	}
	in := inputs(dir, c)
	plans, err := buildkit.Resolve(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	if w := plans[0].Watched(); slices.Contains(w.Trees, dir) || !slices.Contains(w.Folders, dir) {
		t.Errorf("watched are the folders %q and the trees %q", w.Folders, w.Trees)
	}
	for name, want := range map[string]bool{"answer.h": true, "libx.a": true, "notes.log": false} {
		if got := plans[0].Counts(filepath.Join(dir, name)); got != want {
			t.Errorf("%s counts: %t, want %t", name, got, want)
		}
	}
	in.Environ = append(in.Environ, "GOTOOLCHAIN=local+auto")
	if stands(t, in) {
		t.Error("the image of another toolchain stands")
	}
}

// What was vendored is the program's, and the time zones and licences are the image's.
func TestRecallSeesWhatIsVendored(t *testing.T) {
	t.Parallel()
	const modules = `# example.com/v v1.0.0
## explicit; go 1.20
example.com/v
`
	dir := txtar(t, `
-- go.mod --
module example.com/app

go 1.23

require example.com/v v1.0.0
-- vendor/example.com/v/v.go --
package v

const Answer = 1
-- vendor/example.com/v/LICENSE --
free
-- main.go --
package main

import "example.com/v"

func main() { println(v.Answer) }
-- vendor/modules.txt --
`+modules)
	seesEach(t, dir, buildkit.Config{}, []inputChange{
		{"a vendored file", writing(dir, "vendor/example.com/v/v.go", "package v\n\nconst Answer = 2\n"), false},
		{"a new vendored file", writing(dir, "vendor/example.com/v/w.go", "package v\n\nfunc init() { println() }\n"), false},
		{"modules.txt", writing(dir, "vendor/modules.txt", strings.Replace(modules, "1.20", "1.21", 1)), true},
	})
}

// The standard library of a toolchain may be edited in place, or get another file.
func TestRecallSeesTheLibrary(t *testing.T) {
	root := editableGOROOT(t, "errors", "internal/bytealg")
	t.Setenv("GOROOT", root)
	t.Setenv("PATH", filepath.Join(root, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	dir := txtar(t, `
-- go.mod --
module example.com/app

go 1.23
-- main.go --
package main

import "errors"

func main() { println(errors.ErrUnsupported.Error()) }
`)
	at := func(name string) string { return filepath.Join(root, "src", filepath.FromSlash(name)) }
	for _, change := range []struct {
		name string
		do   func() error
		same bool
	}{
		{"nothing", func() error { return nil }, true},
		{"a Go file in place", func() error { return appendTo(at("errors/errors.go"), "\n// edited\n") }, false},
		{"a file in assembly", func() error { return appendTo(at("internal/bytealg/compare_"+runtime.GOARCH+".s"), "\n// edited\n") }, false},
		{"a new file", func() error { return os.WriteFile(at("errors/more.go"), []byte("package errors\n"), 0o644) }, false},
		{"a test", func() error { return appendTo(at("errors/errors_test.go"), "\n// edited\n") }, true},
	} {
		t.Run(change.name, func(t *testing.T) {
			run(t, inputs(dir))
			if !stands(t, inputs(dir)) {
				t.Fatal("nothing has changed, and the image does not stand")
			}
			run(t, inputs(dir)) // what is recalled is kept again
			if err := change.do(); err != nil {
				t.Fatal(err)
			}
			if got := stands(t, inputs(dir)); got != change.same {
				t.Errorf("the image stands: %t, want %t", got, change.same)
			}
		})
	}
}

// editableGOROOT is this toolchain with copies of some packages, and links to all else.
func editableGOROOT(t *testing.T, packages ...string) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	real, root := strings.TrimSpace(string(out)), t.TempDir()
	var link func(rel string)
	link = func(rel string) {
		if err := os.MkdirAll(filepath.Join(root, rel), 0o755); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(filepath.Join(real, rel))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			below := filepath.ToSlash(filepath.Join(rel, e.Name()))
			switch {
			case slices.Contains(packages, strings.TrimPrefix(below, "src/")):
				err = os.CopyFS(filepath.Join(root, below), os.DirFS(filepath.Join(real, below)))
			case below == "src" || slices.ContainsFunc(packages, func(p string) bool { return strings.HasPrefix("src/"+p, below+"/") }):
				link(below)
			default:
				err = os.Symlink(filepath.Join(real, below), filepath.Join(root, below))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	link("")
	return root
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

package buildkit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// remembered is a module with every kind of input: packages of its own, of a folder
// that replaces a module and of a workspace, embedded files, and files of the Config.
func remembered(t *testing.T) (dir string, c buildkit.Config) {
	t.Helper()
	dir = module(t, map[string]string{
		"go.mod": `module example.com/app

go 1.23

require example.com/near v0.0.0

replace example.com/near => ./near
`,
		"main.go": `package main

import (
	_ "embed"
	"embed"

	"example.com/app/part"
	"example.com/near"
)

//go:embed words/*.txt
var words embed.FS

func main() {
	entries, _ := words.ReadDir("words")
	println(len(entries), part.Answer(), near.Answer(), part.Linked())
}
`,
		"words/a.txt": "a",
		"other/c.txt": "c",
		"part/part.go": `package part

func Answer() int { return 1 }
`,
		"part/part_s390x.go": "package part\n",
		"near/go.mod": `module example.com/near

go 1.23
`,
		"near/near.go": `package near

func Answer() int { return 2 }
`,
		"web/index.html": "page",
		"extra.pem":      "",
		"shared/linked.txt": `package part

func Linked() string { return "first" }
`,
	})
	if err := os.Symlink("../shared/linked.txt", filepath.Join(dir, "part/linked.go")); err != nil {
		t.Fatal(err)
	}
	return dir, buildkit.Config{Files: []config.File{{From: "web", To: "/srv"}, {From: "words/*.txt", To: "/words/"}}}
}

// inputs are those of a run that begins now, on a clock that has moved on since the
// files were written.
func inputs(dir string, configs ...buildkit.Config) buildkit.Inputs {
	time.Sleep(60 * time.Millisecond)
	return buildkit.Inputs{Dir: dir, Environ: os.Environ(), Configs: configs, Prepare: true, Began: time.Now()}
}

// run builds all images of the inputs, as a target does.
func run(t *testing.T, in buildkit.Inputs) map[string]string {
	t.Helper()
	return buildAll(t, open(t, in))
}

// open opens inputs, as a target does first.
func open(t *testing.T, in buildkit.Inputs) buildkit.Opened {
	t.Helper()
	opened, err := buildkit.Open(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// buildAll builds all images of opened inputs.
func buildAll(t *testing.T, opened buildkit.Opened) map[string]string {
	t.Helper()
	plans, err := opened.Resolve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, p := range plans {
		built, err := buildkit.Build(context.Background(), p, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids[p.Name] = built.Image.ConfigDigest.String()
		if err := built.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// stands reports whether all images of the inputs would be the same if they were built again.
func stands(t *testing.T, in buildkit.Inputs) bool {
	t.Helper()
	_, all := open(t, in).Unchanged()
	return all
}

// goLog makes the go command note what it is called for, and returns what it was
// called for since.
func goLog(t *testing.T) func() []string {
	t.Helper()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	script := fmt.Sprintf("#!/bin/sh\necho \"$1\" >> %s\nexec %s \"$@\"\n", log, real)
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func() []string {
		text, err := os.ReadFile(log)
		if err != nil {
			return nil
		}
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(text))
	}
}

// Each kind of input is changed, and the next run sees it: the go command runs, and
// the program is built from what is there now.
func TestRecallSeesEveryChange(t *testing.T) {
	calls := goLog(t)
	dir, c := remembered(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, content string) func(*testing.T) {
		return func(t *testing.T) {
			if err := os.MkdirAll(filepath.Dir(at(name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at(name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	removed := func(name string) func(*testing.T) {
		return func(t *testing.T) {
			if err := os.Remove(at(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(t, inputs(dir, c))
	for _, change := range []struct {
		name string
		do   func(*testing.T)
		same bool // the image is the same all the same
		list bool // go list has to be asked again
	}{
		{"the body of a package", write("part/part.go", "package part\n\nfunc Answer() int { return 11 }\n"), false, false},
		{"an import", write("part/part.go", `package part

import "os"

func Answer() int { return os.Getpid() }
`), false, true},
		{"a new file in a package", write("part/more.go", "package part\n\nfunc init() { println(3) }\n"), false, true},
		{"a file that goes", removed("part/more.go"), false, true},
		{"a file that is not compiled here", write("part/part_s390x.go", "package part\n\n// other\n"), true, false},
		{"what a linked file leads to", write("shared/linked.txt", "package part\n\nfunc Linked() string { return \"second\" }\n"), false, false},
		{"a package of a replaced module", write("near/near.go", "package near\n\nfunc Answer() int { return 22 }\n"), false, false},
		{"the go.mod of a replaced module", write("near/go.mod", "module example.com/near\n\ngo 1.22\n"), true, true},
		{"an embedded file", write("words/a.txt", "b"), false, false},
		{"a new embedded file", write("words/b.txt", "b"), false, true}, // it might have been a program
		{"a file of the Config", write("web/index.html", "another page"), false, false},
		{"a new file of the Config", write("web/style.css", "css"), false, true},
		{"go.mod", write("go.mod", `module example.com/app

go 1.22

require example.com/near v0.0.0

replace example.com/near => ./near
`), false, true},
		{"go.work", write("go.work", `go 1.23

use (
	.
	./near
)
`), false, true}, // build info names the modules
		{"the program in dist/", removed("dist/app/rootfs/app"), true, false},
		{"a program in dist/ that somebody has changed", func(t *testing.T) {
			f, err := os.OpenFile(at("dist/app/rootfs/app"), os.O_APPEND|os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString("more")
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		}, true, false},
		{"the memory", removed("dist/app/memory"), true, true},
	} {
		t.Run(change.name, func(t *testing.T) {
			before := run(t, inputs(dir, c))
			if !stands(t, inputs(dir, c)) {
				t.Fatal("nothing has changed, and the image does not stand")
			}
			calls()
			change.do(t)
			in := inputs(dir, c)
			if stands(t, in) {
				t.Fatal("the change is not seen")
			}
			after := run(t, in)
			said := calls()
			if !slices.Contains(said, "build") {
				t.Errorf("the go command was asked to %q, not to build", said)
			}
			if got := slices.Contains(said, "list"); got != change.list {
				t.Errorf("go list was asked: %t, want %t", got, change.list)
			}
			if (before["app"] == after["app"]) != change.same {
				t.Errorf("the image is the same: %t, want %t", !change.same, change.same)
			}
			// A second run on what the first has kept comes to the same image.
			if again := run(t, buildkit.Inputs{Dir: dir, Environ: os.Environ(), Configs: []buildkit.Config{c}, Prepare: true}); again["app"] != after["app"] {
				t.Error("a build that keeps nothing and knows nothing comes to another image")
			}
		})
	}
}

// What a run is told counts as what it reads.
func TestRecallSeesOtherInputs(t *testing.T) {
	t.Parallel()
	dir, c := remembered(t)
	run(t, inputs(dir, c))
	in := inputs(dir, c)
	if !stands(t, in) {
		t.Fatal("nothing has changed, and the image does not stand")
	}
	for name, change := range map[string]func(*buildkit.Inputs){
		"a Config":       func(in *buildkit.Inputs) { in.Configs[0].Tags = config.Tags{"v2"} },
		"GOFLAGS":        func(in *buildkit.Inputs) { in.Environ = append(in.Environ, "GOFLAGS=-tags=x") },
		"CC_FOR":         func(in *buildkit.Inputs) { in.Environ = append(in.Environ, "CC_FOR_linux_arm64=x-gcc") },
		"IMAGE_TAG":      func(in *buildkit.Inputs) { in.Environ = append(in.Environ, "IMAGE_TAG=v3") },
		"another folder": func(in *buildkit.Inputs) { in.Dir = filepath.Join(dir, "web") },
		"a hook": func(in *buildkit.Inputs) {
			in.Configs[0].Build.Before = func(context.Context, config.BuildInfo) error { return nil }
		},
	} {
		other := in
		other.Configs = slices.Clone(in.Configs)
		change(&other)
		if stands(t, other) {
			t.Errorf("%s: the image of other inputs stands", name)
		}
	}
	in.Environ = append(in.Environ, "TERM_SESSION=7")
	if !stands(t, in) {
		t.Error("a variable that nobody reads counts")
	}
}

// A new program is found, and where the flags make the go command do everything, or
// a file is so young that its next change could not be told, nothing is kept.
func TestRecallKeepsNothingDoubtful(t *testing.T) {
	t.Parallel()
	dir, c := remembered(t)
	run(t, inputs(dir, c))
	if err := os.MkdirAll(filepath.Join(dir, "cmd/second"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cmd/second/main.go"), []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if stands(t, inputs(dir, c)) {
		t.Error("a new program is not seen")
	}
	c.Main = "."
	run(t, inputs(dir, c))
	// What is there at the beginning of a run and may have been read is gone at its end.
	gone := filepath.Join(dir, "part/gone.go")
	if err := os.WriteFile(gone, []byte("package part\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	during := inputs(dir, c)
	plans, err := buildkit.Resolve(context.Background(), during)
	if err != nil {
		t.Fatal(err)
	}
	built, err := buildkit.Build(context.Background(), plans[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(gone), built.Close()); err != nil {
		t.Fatal(err)
	}
	if stands(t, inputs(dir, c)) {
		t.Error("a file that went while the build ran is not missed")
	}
	run(t, inputs(dir, c))
	if !stands(t, inputs(dir, c)) {
		t.Fatal("nothing has changed, and the image does not stand")
	}
	nested := filepath.Join(dir, "part/go.mod")
	if err := os.WriteFile(nested, []byte("module other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if stands(t, inputs(dir, c)) {
		t.Error("a module that begins below the other is not seen")
	}
	if err := os.Remove(nested); err != nil {
		t.Fatal(err)
	}
	c.Name = "doubtful"
	c.Build.Flags = []string{"-buildvcs=auto"}
	run(t, inputs(dir, c))
	if stands(t, inputs(dir, c)) {
		t.Error("a program that depends on the state of a repository stands")
	}
	c.Build.Flags = nil
	opened := open(t, inputs(dir, c))
	time.Sleep(60 * time.Millisecond)
	if err := os.Chtimes(filepath.Join(dir, "part/part.go"), time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	buildAll(t, opened)
	if stands(t, inputs(dir, c)) {
		t.Error("files that changed after the run began count as read")
	}
}

// A library of the sysroot that changes is seen, and one that appears where the
// loader would have found it before the other.
func TestRecallSeesTheSysroot(t *testing.T) {
	t.Parallel()
	need(t, "gcc", "ldconfig")
	root := sysroot(t)
	library(t, filepath.Join(root, "opt/answer/lib"))
	near := filepath.Join(root, "opt/near/lib")
	c := buildkit.Config{
		Sysroot: root, Env: map[string]string{"LD_LIBRARY_PATH": "/opt/near/lib:/opt/answer/lib"}, Build: config.Build{Env: map[string]string{"CGO_LDFLAGS": "-L" + filepath.Join(root, "opt/answer/lib")}},
	}
	dir := callerModule(t)
	first := run(t, inputs(dir, c))
	if !stands(t, inputs(dir, c)) {
		t.Fatal("nothing has changed, and the image does not stand")
	}
	// The program changes and its libraries do not: they are not looked for again.
	main, err := os.ReadFile(filepath.Join(dir, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), append(main, "\nfunc init() { println() }\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	var steps []string
	in := inputs(dir, c)
	plans, err := buildkit.Resolve(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	built, err := buildkit.Build(context.Background(), plans[0], func(e buildkit.Event) { steps = append(steps, e.Text) })
	if err != nil {
		t.Fatal(err)
	}
	second := built.Image.ConfigDigest.String()
	if err := built.Close(); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(steps, func(s string) bool { return strings.HasSuffix(s, "as before") }) {
		t.Errorf("the libraries were looked for again: %q", steps)
	}
	if second == first["caller"] {
		t.Error("another program is the same image")
	}
	library(t, near)
	if stands(t, inputs(dir, c)) {
		t.Error("a library that is found before the other is not seen")
	}
	third := run(t, inputs(dir, c))
	if third["caller"] == second {
		t.Error("the library that is found first is not in the image")
	}
}

// Who saves a file and builds at once finds the image standing right after: what is
// young is waited for, and not doubted.
func TestRecallOfYoungFiles(t *testing.T) {
	t.Parallel()
	dir, c := remembered(t)
	now := func() buildkit.Inputs {
		return buildkit.Inputs{Dir: dir, Environ: os.Environ(), Configs: []buildkit.Config{c}, Prepare: true, Began: time.Now()}
	}
	run(t, now()) // nothing is known yet
	for i := range 3 {
		if !stands(t, now()) {
			t.Fatalf("after %d changes the image does not stand", i)
		}
		if err := os.WriteFile(filepath.Join(dir, "web", "index.html"), []byte(fmt.Sprint(i)), 0o644); err != nil {
			t.Fatal(err)
		}
		if stands(t, now()) {
			t.Fatal("the change is not seen")
		}
		run(t, now())
	}
}

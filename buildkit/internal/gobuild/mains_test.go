package gobuild_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// many is a module with programs, and with everything that discovery must skip.
var many = files{
	"go.mod":                    mod,
	"magefile.go":               "//go:build mage\n\n" + main,
	"magefiles/magefile.go":     main,
	"cmd/a/main.go":             main,
	"cmd/b/main.go":             main,
	"cmd/b/b_test.go":           "package main\n",
	"cmd/dist/main.go":          main,
	"cmd/onlytest/main_test.go": "package main\n",
	"cmd/onlywin/main.go":       "//go:build windows\n\n" + main,
	"dist/a/main.go":            main,
	"internal/tool/main.go":     main,
	"lib/lib.go":                "package lib\n",
	"lib/testdata/prog/main.go": main,
	"broken/broken.go": `package broken

import _ "example.com/missing"
`,
	"vendored/vendor/x/main.go":   main,
	"web/node_modules/_x/x.go":    main,
	"lib/internal/gen/gentool.go": main,
}

func TestMains(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files    files
		dir      string // below the files
		target   gobuild.Target
		opts     gobuild.Options
		patterns []string
		want     []string // "import path name"
	}{
		"one at the root":           {files: files{"go.mod": mod, "main.go": main}, want: []string{"example.com/app app"}},
		"many":                      {files: many, want: []string{"example.com/app/cmd/a a", "example.com/app/cmd/b b", "example.com/app/cmd/dist dist"}},
		"a folder":                  {files: many, patterns: []string{"./cmd/b"}, want: []string{"example.com/app/cmd/b b"}},
		"a skipped folder, by name": {files: many, patterns: []string{"./internal/tool"}, want: []string{"example.com/app/internal/tool tool"}},
		"an import path":            {files: many, patterns: []string{"example.com/app/cmd/a"}, want: []string{"example.com/app/cmd/a a"}},
		"a wildcard":                {files: many, patterns: []string{"./internal/...", "./lib/..."}, want: []string{"example.com/app/internal/tool tool", "example.com/app/lib/internal/gen gen"}},
		"by a tag":                  {files: files{"go.mod": mod, "main.go": "//go:build pro\n\n" + main}, opts: gobuild.Options{Tags: []string{"x", "pro"}}, want: []string{"example.com/app app"}},
		"by the architecture":       {files: files{"go.mod": mod, "a/main_arm64.go": main, "b/main_amd64.go": main}, target: gobuild.Target{Architecture: "arm64"}, want: []string{"example.com/app/a a"}},
		"version in the module path": {files: files{
			"go.mod": `module example.com/app/v2
go 1.23
`,
			"main.go": main,
		}, want: []string{"example.com/app/v2 app"}},
		"version of gopkg.in": {files: files{
			"go.mod": `module gopkg.in/app.v3
go 1.23
`,
			"main.go": main,
		}, want: []string{"gopkg.in/app.v3 app"}},
		"a workspace, from its root": {files: workspace, patterns: []string{"./one/...", "./two/..."}, want: []string{"example.com/one one", "example.com/two/v3 two"}},
		"a workspace, from a module": {files: workspace, dir: "two", want: []string{"example.com/two/v3 two"}},
		"a main of a dependency":     {files: dependency, patterns: []string{"example.com/dep/cmd/crane"}, want: []string{"example.com/dep/cmd/crane crane"}},
		"a vendored dependency's":    {files: vendored, patterns: []string{"example.com/dep/cmd/crane"}, want: []string{"example.com/dep/cmd/crane crane"}},
		"the root's alone, though others are broken": {files: files{
			"go.mod": mod, "main.go": main, "cmd/a/main.go": main, "examples/b/main.go": "package main\n\nimport _ \"example.com/missing\"\n\nfunc main() {}\n",
		}, want: []string{"example.com/app app"}},
		"no root's, and sidelines": {files: files{
			"go.mod": mod, "app.go": "package app\n", "app_test.go": "package app\n", "cmd/a/main.go": main, "cmd/tools/main.go": main, "tools/x/main.go": main, "b/main.go": main,
			"b/example/main.go": main, "hack/main.go": main, "scripts/s/main.go": main, "contrib/c/main.go": main, "tools/x/y/main.go": main,
		}, want: []string{"example.com/app/b b", "example.com/app/cmd/a a", "example.com/app/cmd/tools tools"}},
		"sidelines alone":         {files: files{"go.mod": mod, "app.go": "package app\n", "examples/a/main.go": main, "tools/b/main.go": main, "internal/c/main.go": main}, want: []string{"example.com/app/examples/a a", "example.com/app/tools/b b"}},
		"a sideline, by wildcard": {files: files{"go.mod": mod, "main.go": main, "examples/a/main.go": main}, patterns: []string{"./..."}, want: []string{"example.com/app app", "example.com/app/examples/a a"}},
		"a broken library beside it": {files: files{
			"go.mod":  mod,
			"main.go": main,
			"lib/lib.go": `package lib

import _ "example.com/missing"
`,
		}, want: []string{"example.com/app app"}},
	} {
		t.Run(name, func(t *testing.T) {
			mains, err := goIn(tt.files.write(t)+"/"+tt.dir).Mains(ctx(t), tt.target, tt.opts, tt.patterns...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range mains {
				got = append(got, m.ImportPath+" "+m.Name)
				if m.Cgo.Enabled || m.Module == "" || m.Dir == "" {
					t.Errorf("got %+v, want a module, a folder and no cgo", m)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// What discovery has left out is known, except what nobody takes for a program of the module.
func TestOtherMains(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files files
		want  []string
	}{
		"one": {files{"go.mod": mod, "main.go": main}, nil},
		"root": {files{"go.mod": mod, "main.go": main, "examples/a/main.go": main, "lib/lib.go": "package lib\n", "cmd/t/t_test.go": "package main\n"},
			[]string{"example.com/app/examples/a (not at the module's root)"}},
		"many":      {many, []string{"example.com/app/internal/tool (in a folder internal)", "example.com/app/lib/internal/gen (in a folder internal)"}},
		"sidelines": {files{"go.mod": mod, "cmd/a/main.go": main, "x/tools/b/main.go": main}, []string{"example.com/app/x/tools/b (in a folder tools)"}},
	} {
		t.Run(name, func(t *testing.T) {
			mains, err := goIn(tt.files.write(t)).Mains(ctx(t), gobuild.Target{}, gobuild.Options{})
			if err != nil || !slices.Equal(mains[0].Others, tt.want) {
				t.Errorf("%q, want %q (%v)", mains[0].Others, tt.want, err)
			}
		})
	}
}

var workspace = files{
	"go.work": `go 1.23

use (
	./one
	./two
)
`,
	"one/go.mod": `module example.com/one

go 1.23
`,
	"one/main.go": `package main

import "example.com/two/v3/greet"

func main() { println(greet.Word) }
`,
	"two/go.mod": `module example.com/two/v3

go 1.23
`,
	"two/main.go": main,
	"two/greet/greet.go": `package greet

const Word = "hello"
`,
}

// dependency has a dependency in a folder, through a replace directive.
var dependency = files{
	"go.mod": mod + "\nrequire example.com/dep v1.0.0\n\nreplace example.com/dep => ./dep\n",
	"main.go": `package main

import _ "example.com/dep/lib"

func main() { println("hello") }
`,
	"dep/go.mod": `module example.com/dep

go 1.23
`,
	"dep/lib/lib.go":        "package lib\n",
	"dep/cmd/crane/main.go": main,
}

// vendored has the dependency only in a vendor folder.
var vendored = files{
	"go.mod":  dependency["go.mod"],
	"main.go": dependency["main.go"],
	"vendor/modules.txt": `# example.com/dep v1.0.0 => ./dep
## explicit; go 1.23
example.com/dep/cmd/crane
example.com/dep/lib
# example.com/dep => ./dep
`,
	"vendor/example.com/dep/lib/lib.go":        "package lib\n",
	"vendor/example.com/dep/cmd/crane/main.go": main,
}

func TestMainsErrors(t *testing.T) {
	t.Parallel()
	app := files{"go.mod": mod, "main.go": main, "lib/lib.go": "package lib\n", "cmd/win/main.go": "//go:build windows\n\n" + main, "cmd/t/a_test.go": "package main\n"}
	importing := func(path string) files {
		return files{"go.mod": mod, "main.go": "package main\n\nimport _ \"" + path + "\"\n\nfunc main() {}\n"}
	}
	for name, tt := range map[string]struct {
		files    files
		env      []string
		target   gobuild.Target
		opts     gobuild.Options
		patterns []string
		fix      string
		want     []string
	}{
		"none at all":       {files: files{"go.mod": mod, "lib.go": "package app\n"}, fix: `name the folder or import path of a program, such as "./cmd/app"`, want: []string{"no package main"}},
		"only tools":        {files: files{"go.mod": mod, "internal/tool/main.go": main, "magefiles/m.go": main}, fix: `name the one to build, such as "./internal/tool"`, want: []string{"example.com/app/internal/tool (in a folder internal)", "example.com/app/magefiles (in a folder magefiles)"}},
		"a library":         {files: app, patterns: []string{"./lib"}, fix: "name the folder of a package main", want: []string{`"example.com/app/lib" is package lib`}},
		"no such folder":    {files: app, patterns: []string{"./nope"}, want: []string{"nope", "directory not found"}},
		"a folder, no dot":  {files: app, patterns: []string{"cmd/win"}, fix: `a folder begins with a dot: "./cmd/win"`, want: []string{"not in std"}},
		"only tests":        {files: app, patterns: []string{"./cmd/t"}, want: []string{"has only tests: a_test.go"}},
		"another system":    {files: app, patterns: []string{"./cmd/win"}, fix: "check the build constraints of these files for linux/amd64, or set Tags", want: []string{"build constraints exclude all Go files", "main.go"}, target: gobuild.Target{Architecture: "amd64"}},
		"a file":            {files: app, patterns: []string{"main.go"}, want: []string{`"main.go": not a folder or import path`}},
		"a flag":            {files: app, patterns: []string{"-x"}, want: []string{`"-x"`}},
		"a missing module":  {files: app, patterns: []string{"example.com/other/cmd/x"}, fix: "go get example.com/other/cmd/x", want: []string{"no required module provides package"}},
		"two things wrong":  {files: app, patterns: []string{"./lib", "./nope"}, want: []string{"is package lib", "directory not found"}},
		"a broken import":   {files: importing("example.com/missing/x"), fix: "go mod tidy", want: []string{"main.go:3:8", "example.com/missing/x"}},
		"a mistyped import": {files: importing("net/htp"), fix: "correct the import path; one from another module begins with a host name", want: []string{"main.go:3:8", "package net/htp is not in std"}},
		"broken file":       {files: files{"go.mod": mod, "a/main.go": main, "b/main.go": "pakage main\n"}, want: []string{"b/main.go:1:1: expected 'package'"}},
		"a broken go.mod":   {files: files{"go.mod": "modul x\n", "main.go": main}, want: []string{"go.mod:1"}},
		"a Go of the future": {files: files{
			"go.mod": `module x
go 1.999
`,
			"main.go": main,
		}, fix: "install the Go version named above, or set GOTOOLCHAIN=auto", want: []string{"go.mod requires go >= 1.999"}},
		"vendor out of date": {files: dependency, env: []string{"GOFLAGS=-mod=vendor"}, fix: "go mod vendor", want: []string{"inconsistent vendoring", `GOFLAGS is "-mod=vendor"`}},
		"a stray flag":       {files: app, env: []string{"GOFLAGS=-nonsense"}, want: []string{`GOFLAGS`, "-nonsense"}},
		"not in the workspace": {files: files{
			"go.work": `go 1.23
use ./a
`,
			"a/go.mod": `module a
go 1.23
`,
			"go.mod":  mod,
			"main.go": main,
		}, patterns: []string{"."}, fix: "go work use ., or set GOWORK=off", want: []string{"workspace"}},
		"another OS":           {files: app, target: gobuild.Target{OS: "darwin", Architecture: "arm64"}, want: []string{`"darwin"`}},
		"no such variant":      {files: app, target: gobuild.Target{Architecture: "amd64", Variant: "v9"}, fix: "choose one of v1, v2, v3, v4", want: []string{"linux/amd64/v9"}},
		"no such arm":          {files: app, target: gobuild.Target{Architecture: "arm", Variant: "v9"}, fix: "choose one of v7, v6, v5", want: []string{"linux/arm/v9"}},
		"variant of none":      {files: app, target: gobuild.Target{Architecture: "s390x", Variant: "v9"}, fix: "choose the platform linux/s390x", want: []string{"no variants of s390x"}},
		"no such architecture": {files: app, target: gobuild.Target{Architecture: "x86_64"}, fix: "choose one of 386, amd64, arm, arm64, loong64, mips, mips64, mips64le, mipsle, ppc64, ppc64le, riscv64, s390x", want: []string{"linux/x86_64"}},
		"GOOS in Env":          {files: app, opts: gobuild.Options{Env: map[string]string{"GOOS": "windows"}}, want: []string{`GOOS="windows"`}},
		"GOARM in Env":         {files: app, target: gobuild.Target{Architecture: "arm", Variant: "v7"}, opts: gobuild.Options{Env: map[string]string{"GOARM": "6"}}, want: []string{`GOARM="6"`, `"7"`}},
		"CGO and CGO_ENABLED":  {files: app, opts: gobuild.Options{CGO: gobuild.On, Env: map[string]string{"CGO_ENABLED": "0"}}, fix: "remove CGO_ENABLED from Build.Env and use Build.Cgo", want: []string{`CGO_ENABLED="0"`, `"on"`}},
		"CGO unknown":          {files: app, opts: gobuild.Options{CGO: "yes"}, fix: `set Build.Cgo to "auto", "on" or "off"`, want: []string{`"yes"`}},
		"CGO off and -race":    {files: app, opts: gobuild.Options{CGO: gobuild.Off, Flags: []string{"-race"}}, want: []string{"-race needs cgo"}},
		"a flag of ours":       {files: app, opts: gobuild.Options{Flags: []string{"-o=x"}}, fix: "remove it from Build.Flags", want: []string{`"-o=x"`}},
		"a library by flag":    {files: app, opts: gobuild.Options{Flags: []string{"-buildmode=c-archive"}}, fix: "remove it from Build.Flags, or use -buildmode=pie", want: []string{`"-buildmode=c-archive"`}},
		"-n in GOFLAGS":        {files: app, env: []string{"GOFLAGS=-n"}, fix: "unset GOFLAGS", want: []string{`"-n"`}},
	} {
		t.Run(name, func(t *testing.T) {
			mains, err := goIn(tt.files.write(t), tt.env...).Mains(ctx(t), tt.target, tt.opts, tt.patterns...)
			if err == nil {
				t.Fatalf("no error, but %+v", mains)
			}
			wantError(t, err, tt.fix, tt.want...)
			if n := strings.Count(err.Error(), "fix: "); n > 1 {
				t.Errorf("%d fixes:\n%v", n, err)
			}
		})
	}
}

func TestNoGoCommand(t *testing.T) {
	t.Parallel()
	dir := files{"go.mod": mod}.write(t)
	for name, g := range map[string]gobuild.Go{
		"not in PATH":    {Dir: dir, Env: []string{"PATH=" + dir}},
		"no environment": {Dir: dir},
		"no such file":   {Dir: dir, Env: environ(), Command: dir + "/go"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := g.Module(ctx(t))
			wantError(t, err, "install Go (https://go.dev/dl) or correct PATH", "running ")
			_, err = g.Mains(ctx(t), linux, gobuild.Options{})
			wantError(t, err, "install Go (https://go.dev/dl) or correct PATH", "running ")
		})
	}
}

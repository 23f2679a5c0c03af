package gobuild_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// viaCsum needs cgo through two packages of a dependency in a folder.
var viaCsum = files{
	"go.mod": mod + "\nrequire example.com/dep v1.0.0\n\nreplace example.com/dep => ./dep\n",
	"main.go": `package main

import "example.com/dep/mid"

func main() { println(mid.Sum(20, 22)) }
`,
	"dep/go.mod": `module example.com/dep

go 1.23
`,
	"dep/mid/mid.go": `package mid

import "example.com/dep/csum"

var Sum = csum.Sum
`,
	"dep/csum/csum.go": csum,
}

// cgoOfStd uses the packages of the standard library that have C variants.
var cgoOfStd = files{
	"go.mod": mod,
	"main.go": `package main

import (
	"net"
	"os/user"
)

func main() {
	net.LookupHost("localhost")
	user.Current()
	println("hello")
}
`,
}

func TestCgoDecision(t *testing.T) {
	t.Parallel()
	tagged := files{
		"go.mod":  mod,
		"main.go": main,
		"fast.go": `//go:build fast

package main

import _ "example.com/app/csum"
`,
		"csum/sum.go": csum,
	}
	importing := func(path string) files {
		return files{"go.mod": mod, "main.go": "package main\n\nimport _ \"" + path + "\"\n\nfunc main() {}\n"}
	}
	type options = gobuild.Options
	for name, tt := range map[string]struct {
		files    files
		env      []string
		opts     options
		enabled  bool
		packages []string
		why      string
	}{
		"plain":                {files: files{"go.mod": mod, "main.go": main}, why: "no package outside the standard library needs cgo"},
		"net and os/user":      {files: cgoOfStd, why: "no package outside the standard library needs cgo"},
		"std, on":              {files: cgoOfStd, opts: options{CGO: gobuild.On}, enabled: true, why: `Build.Cgo is "on"`},
		"a dependency":         {files: viaCsum, enabled: true, packages: []string{"example.com/dep/csum"}, why: `"example.com/dep/csum" uses cgo (imported by "example.com/dep/mid", by "example.com/app")`},
		"a dependency, stray":  {files: viaCsum, env: []string{"CGO_ENABLED=0"}, enabled: true, packages: []string{"example.com/dep/csum"}, why: `"example.com/dep/csum" uses cgo (imported by "example.com/dep/mid", by "example.com/app")`},
		"a dependency, on":     {files: viaCsum, opts: options{CGO: gobuild.On}, enabled: true, packages: []string{"example.com/dep/csum"}, why: `Build.Cgo is "on"`},
		"the main":             {files: files{"go.mod": mod, "main.go": strings.Replace(csum, "package csum", "package main", 1) + "\nfunc main() {}\n"}, enabled: true, packages: []string{"example.com/app"}, why: `"example.com/app" uses cgo`},
		"plugin":               {files: importing("plugin"), enabled: true, packages: []string{"example.com/app"}, why: `"example.com/app" imports "plugin", which needs cgo`},
		"runtime/cgo":          {files: importing("runtime/cgo"), enabled: true, packages: []string{"example.com/app"}, why: `"example.com/app" imports "runtime/cgo"`},
		"without the tag":      {files: tagged, why: "no package outside the standard library needs cgo"},
		"with the tag":         {files: tagged, opts: options{Tags: []string{"fast"}}, enabled: true, packages: []string{"example.com/app/csum"}, why: `"example.com/app/csum" uses cgo (imported by "example.com/app")`},
		"the tag in Flags":     {files: tagged, opts: options{Flags: []string{"-tags", "fast"}}, enabled: true, packages: []string{"example.com/app/csum"}, why: `"example.com/app/csum" uses cgo (imported by "example.com/app")`},
		"the tag in GOFLAGS":   {files: tagged, env: []string{"GOFLAGS=-tags=fast"}, enabled: true, packages: []string{"example.com/app/csum"}, why: `"example.com/app/csum" uses cgo (imported by "example.com/app")`},
		"CGO_ENABLED=1 in Env": {files: cgoOfStd, opts: options{Env: map[string]string{"CGO_ENABLED": "1"}}, enabled: true, why: `Build.Env has CGO_ENABLED="1"`},
		"CGO_ENABLED=0 in Env": {files: cgoOfStd, opts: options{Env: map[string]string{"CGO_ENABLED": "0"}}, why: `Build.Env has CGO_ENABLED="0"`},
		"-race":                {files: cgoOfStd, opts: options{Flags: []string{"-race"}}, enabled: true, why: "the flag -race needs cgo"},
		"-race=false":          {files: cgoOfStd, opts: options{Flags: []string{"-race=false"}}, why: "no package outside the standard library needs cgo"},
		"-race in GOFLAGS":     {files: cgoOfStd, env: []string{"GOFLAGS=-race"}, enabled: true, why: "the flag -race needs cgo"},
		"external link":        {files: cgoOfStd, opts: options{LDFlags: "-linkmode external -extldflags -static"}, enabled: true, why: "the flag -linkmode=external needs cgo"},
		"BoringCrypto":         {files: importing("crypto/sha256"), opts: options{Env: map[string]string{"GOEXPERIMENT": "boringcrypto"}}, enabled: true, packages: []string{"crypto/internal/boring"}},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "BoringCrypto" && linux.Architecture != "amd64" && linux.Architecture != "arm64" {
				t.Skip("there is no BoringCrypto for " + linux.Architecture)
			}
			got := find(t, goIn(tt.files.write(t), tt.env...), linux, tt.opts).Cgo
			if got.Enabled != tt.enabled || !slices.Equal(got.Packages, tt.packages) || tt.why != "" && got.Why != tt.why {
				t.Errorf("got  %+v\nwant %v %q %s", got, tt.enabled, tt.packages, tt.why)
			}
		})
	}
}

// With cgo off, the error names a package that has only cgo files.
func TestCgoOffButNeeded(t *testing.T) {
	t.Parallel()
	_, err := goIn(viaCsum.write(t)).Mains(ctx(t), linux, gobuild.Options{CGO: gobuild.Off})
	wantError(t, err, `set Build.Cgo to "auto" if the package needs cgo, else check the build constraints`, "csum.go", "build constraints exclude all Go files")
}

// Mains decides about cgo for each program of a module separately.
func TestCgoPerMain(t *testing.T) {
	t.Parallel()
	mains, err := goIn(files{
		"go.mod":       mod,
		"csum/csum.go": csum,
		"a/main.go":    main,
		"b/main.go": `package main

import _ "example.com/app/csum"

func main() {}
`,
	}.write(t)).Mains(ctx(t), linux, gobuild.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(mains) != 2 || mains[0].Cgo.Enabled || !mains[1].Cgo.Enabled {
		t.Errorf("got %+v, want a without cgo and b with it", mains)
	}
}

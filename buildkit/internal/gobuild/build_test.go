package gobuild_test

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// machine returns the machine of an ELF file, and whether it names an interpreter.
func machine(t *testing.T, path string) (m elf.Machine, dynamic, symbols bool) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		dynamic = dynamic || p.Type == elf.PT_INTERP
	}
	return f.Machine, dynamic, f.Section(".symtab") != nil
}

func setting(b *gobuild.Binary, key string) string {
	for _, s := range b.Info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func TestBuild(t *testing.T) {
	t.Parallel()
	version := files{
		"go.mod": mod,
		"main.go": `package main

var version = "none"

func main() { println("hello" + tag + version) }
`,
		"tag.go": `//go:build !x

package main

const tag = " - "
`,
		"tagx.go": `//go:build x

package main

const tag = " x "
`,
	}
	type options = gobuild.Options
	for name, tt := range map[string]struct {
		files            files
		dir              string
		env              []string
		opts             options
		out              string
		dynamic, symbols bool
	}{
		"static":               {files: version, out: "hello - none"},
		"std with C variants":  {files: cgoOfStd, out: "hello"},
		"std, cgo on":          {files: cgoOfStd, opts: options{CGO: gobuild.On}, out: "hello", dynamic: true},
		"cgo":                  {files: viaCsum, out: "42", dynamic: true},
		"cgo, CC in Env":       {files: viaCsum, opts: options{Env: map[string]string{"CC": "gcc -O1"}}, out: "42", dynamic: true},
		"stray variables":      {files: version, env: []string{"GOOS=windows", "GOARCH=mips", "GOARM=5", "GOAMD64=v4", "GOARM64=nonsense", "CGO_ENABLED=1", "GOBIN=/nonexistent"}, out: "hello - none"},
		"tags":                 {files: version, opts: options{Tags: []string{"x"}}, out: "hello x none"},
		"linker flags":         {files: version, opts: options{LDFlags: "-X main.version=1.2 -X 'main.other=a b'"}, out: "hello - 1.2"},
		"symbols":              {files: version, opts: options{Symbols: true}, out: "hello - none", symbols: true},
		"Flags override":       {files: version, opts: options{Flags: []string{"-ldflags=", "-trimpath=false"}}, out: "hello - none", symbols: true},
		"GOFLAGS linker flags": {files: version, env: []string{"GOFLAGS='-ldflags=-X main.version=2'"}, out: "hello - 2"},
		"GOFLAGS, LDFlags":     {files: version, env: []string{"GOFLAGS=-ldflags=-Xmain.version=2"}, opts: options{LDFlags: "-X main.version=3"}, out: "hello - 3"},
		"GOFLAGS with pattern": {files: version, env: []string{"GOFLAGS='-ldflags=all=-X main.version=4'"}, out: "hello - 4", symbols: true},
		"GOFLAGS tags":         {files: version, env: []string{"GOFLAGS=-tags=x"}, out: "hello x none"},
		"GOFLAGS -mod=mod":     {files: version, env: []string{"GOFLAGS=-mod=mod"}, out: "hello - none"},
		"workspace":            {files: workspace, dir: "one", out: "hello"},
		"vendored":             {files: vendored, out: "hello"},
		"vendored, by GOFLAGS": {files: vendored, env: []string{"GOFLAGS=-mod=vendor"}, out: "hello"},
		"pie":                  {files: version, opts: options{Flags: []string{"-buildmode=pie"}}, out: "hello - none", dynamic: true},
		"static cgo":           {files: viaCsum, opts: options{LDFlags: "-linkmode external -extldflags -static"}, out: "42"},
		"a module in dist":     {files: version, opts: options{Env: map[string]string{"GOTOOLCHAIN": "local"}}, out: "hello - none"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.dynamic || name == "static cgo" {
				need(t, "gcc")
			}
			b := build(t, goIn(filepath.Join(tt.files.write(t), tt.dir), tt.env...), linux, tt.opts)
			if out := run(t, b.Path); out != tt.out {
				t.Errorf("the program says %q, want %q", out, tt.out)
			}
			_, dynamic, symbols := machine(t, b.Path)
			if dynamic != tt.dynamic || symbols != tt.symbols {
				t.Errorf("dynamic %t, symbols %t, want %t, %t", dynamic, symbols, tt.dynamic, tt.symbols)
			}
			if got := setting(b, "vcs"); got != "" {
				t.Errorf("vcs %q", got)
			}
		})
	}
}

func TestBuildMainOfDependency(t *testing.T) {
	t.Parallel()
	g := goIn(dependency.write(t))
	m := find(t, g, linux, gobuild.Options{}, "example.com/dep/cmd/crane")
	// A relative output, in a folder that does not exist yet.
	b, err := g.Build(ctx(t), gobuild.Request{Main: m, Output: "dist/crane/rootfs/crane", Target: linux})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(g.Dir, "dist/crane/rootfs/crane"); b.Path != want || b.Info.Path != m.ImportPath || b.Info.Main.Path != "example.com/dep" {
		t.Errorf("got %q of %q in %q", b.Path, b.Info.Path, b.Info.Main.Path)
	}
	if out := run(t, b.Path); out != "hello" {
		t.Errorf("the program says %q", out)
	}
}

func TestBuildCross(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		target     gobuild.Target
		machine    elf.Machine
		key, value string
	}{
		{gobuild.Target{Architecture: "arm64"}, elf.EM_AARCH64, "GOARM64", "v8.0"},
		{gobuild.Target{Architecture: "arm64", Variant: "v8"}, elf.EM_AARCH64, "GOARM64", "v8.0"},
		{gobuild.Target{Architecture: "amd64"}, elf.EM_X86_64, "GOAMD64", "v1"},
		{gobuild.Target{Architecture: "arm", Variant: "v6"}, elf.EM_ARM, "GOARM", "6"},
	} {
		t.Run(strings.ReplaceAll(tt.target.String(), "/", " "), func(t *testing.T) {
			b := build(t, goIn(files{"go.mod": mod, "main.go": main}.write(t), "GOARM64=v8.3", "GOAMD64=v2"), tt.target, gobuild.Options{})
			if m, dynamic, _ := machine(t, b.Path); m != tt.machine || dynamic {
				t.Errorf("got %v, dynamic %t", m, dynamic)
			}
			if got := setting(b, tt.key); got != tt.value {
				t.Errorf("%s=%s, want %s", tt.key, got, tt.value)
			}
		})
	}
}

func TestBuildErrors(t *testing.T) {
	t.Parallel()
	hello := files{"go.mod": mod, "main.go": main}
	for name, tt := range map[string]struct {
		files  files
		env    []string
		target gobuild.Target
		opts   gobuild.Options
		fix    string
		want   []string
		lacks  string
	}{
		"syntax": {files: files{
			"go.mod": mod,
			"main.go": `package main

func main() {
`,
		}, want: []string{`compiling "example.com/app" for linux/`, "main.go:4:1: syntax error: unexpected EOF"}, lacks: "exit status"},
		"types": {files: files{
			"go.mod": mod,
			"main.go": `package main

func main() { x }
`,
		}, want: []string{"main.go:3:15: undefined: x"}, lacks: "GOFLAGS"},
		"types, GOFLAGS": {files: files{
			"go.mod": mod,
			"main.go": `package main

func main() { x }
`,
		}, env: []string{"GOFLAGS=-mod=mod"}, want: []string{"main.go:3:15: undefined: x", `GOFLAGS is "-mod=mod"`}},
		"no func main": {files: files{"go.mod": mod, "main.go": "package main\n"}, want: []string{"function main is undeclared in the main package"}},
		"no such flag": {files: hello, opts: gobuild.Options{LDFlags: "-nonsense"}, want: []string{"-nonsense"}},
		"a header": {files: files{
			"go.mod": mod,
			"main.go": `package main

// #include <nonesuch.h>
import "C"

func main() {}
`,
		}, fix: "install the -dev package that has the header named above (apt-file search)", want: []string{"nonesuch.h"}},
		"a C library": {files: files{
			"go.mod": mod,
			"main.go": `package main

// #cgo LDFLAGS: -lnonesuch
import "C"

func main() {}
`,
		}, fix: "install the -dev package of the library named above, or set CGO_LDFLAGS=-L… in Build.Env", want: []string{"-lnonesuch"}},
		"CC is missing": {files: viaCsum, opts: gobuild.Options{Env: map[string]string{"CC": "nonesuch-gcc -O"}}, fix: "correct CC, or install the compiler", want: []string{`"nonesuch-gcc"`, "not found in PATH", `compiling "example.com/app"`, `"example.com/dep/csum" uses cgo`}},
	} {
		t.Run(name, func(t *testing.T) {
			g := goIn(tt.files.write(t), tt.env...)
			m := find(t, g, tt.target, tt.opts)
			if m.Cgo.Enabled {
				need(t, "gcc")
			}
			out := filepath.Join(t.TempDir(), "app")
			b, err := g.Build(ctx(t), gobuild.Request{Main: m, Output: out, Target: tt.target, Options: tt.opts})
			if err == nil {
				t.Fatalf("no error, but %+v", b)
			}
			wantError(t, err, tt.fix, tt.want...)
			if tt.lacks != "" && strings.Contains(err.Error(), tt.lacks) {
				t.Errorf("noise %q in:\n%v", tt.lacks, err)
			}
			if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a failed build left %q: %v", out, err)
			}
		})
	}
}

// The file at Output never counts as the result of a failed build. A file that is
// no program is not overwritten.
func TestBuildOutput(t *testing.T) {
	t.Parallel()
	g := goIn(files{"go.mod": mod, "main.go": main}.write(t))
	m := find(t, g, linux, gobuild.Options{})
	r := gobuild.Request{Main: m, Output: filepath.Join(t.TempDir(), "app"), Target: linux}
	if _, err := g.Build(ctx(t), r); err != nil {
		t.Fatal(err)
	}
	first, err := os.Stat(r.Output)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Build(ctx(t), r); err != nil {
		t.Fatal(err)
	}
	if again, err := os.Stat(r.Output); err != nil || !os.SameFile(first, again) {
		t.Errorf("an up-to-date program was linked again: %v", err)
	}

	files{
		"main.go": `package main

func main() { broken }
`,
	}.writeTo(t, g.Dir)
	if b, err := g.Build(ctx(t), r); err == nil || b != nil {
		t.Errorf("got %+v, %v; want only an error", b, err)
	}
	files{"main.go": main}.writeTo(t, g.Dir)

	r.Output = filepath.Join(t.TempDir(), "notes.txt")
	files{"notes.txt": "mine\n"}.writeTo(t, filepath.Dir(r.Output))
	_, err = g.Build(ctx(t), r)
	wantError(t, err, fmt.Sprintf("remove %q", r.Output), "notes.txt")
	if content, _ := os.ReadFile(r.Output); string(content) != "mine\n" {
		t.Errorf("the file is now %q", content)
	}

	r.Output = t.TempDir()
	_, err = g.Build(ctx(t), r)
	wantError(t, err, fmt.Sprintf("remove %q", r.Output))
}

// The incomplete program of a killed build is replaced. It has a valid build ID, so
// the go command alone would take it for up to date.
func TestBuildOverHalf(t *testing.T) {
	t.Parallel()
	g := goIn(files{"go.mod": mod, "main.go": main}.write(t))
	r := gobuild.Request{Main: find(t, g, linux, gobuild.Options{}), Output: filepath.Join(t.TempDir(), "app"), Target: linux}
	if _, err := g.Build(ctx(t), r); err != nil {
		t.Fatal(err)
	}
	whole, err := os.Stat(r.Output)
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int64{"empty": 0, "in the magic": 3, "in the header": 40, "in the middle": whole.Size() / 2, "one byte short": whole.Size() - 1} {
		t.Run(name, func(t *testing.T) {
			if _, err := g.Build(ctx(t), r); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(r.Output, size); err != nil {
				t.Fatal(err)
			}
			if _, err := g.Build(ctx(t), r); err != nil {
				t.Fatal(err)
			}
			if out := run(t, r.Output); out != "hello" {
				t.Errorf("the program says %q", out)
			}
			if now, err := os.Stat(r.Output); err != nil || now.Size() != whole.Size() {
				t.Errorf("the program has %v, %v", now, err)
			}
		})
	}
}

// The compiler's output goes to Stderr and is in the error.
func TestBuildStderr(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	g := goIn(files{
		"go.mod": mod,
		"main.go": `package main

func main() { x }
`,
	}.write(t))
	g.Stderr = &said
	_, err := g.Build(ctx(t), gobuild.Request{Main: find(t, g, linux, gobuild.Options{}), Output: filepath.Join(t.TempDir(), "app"), Target: linux})
	var failed *gobuild.CommandError
	if !errors.As(err, &failed) || !strings.Contains(failed.Output, "undefined: x") || !strings.Contains(said.String(), "undefined: x") {
		t.Errorf("error %v, said %q", err, said.String())
	}
}

// Endless output fills neither the memory nor the terminal: only its start and end
// are kept.
func TestBuildErrorBounded(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	body := `package main

/*
#error first
` + strings.Repeat("#error "+strings.Repeat("x", 200)+"\n", 400) + `#error last
*/
import "C"

func main() {}
`
	g := goIn(files{"go.mod": mod, "main.go": body}.write(t))
	_, err := g.Build(ctx(t), gobuild.Request{Main: find(t, g, linux, gobuild.Options{}), Output: filepath.Join(t.TempDir(), "app"), Target: linux})
	wantError(t, err, "", "#error first", "#error last", "bytes left out")
	if len(err.Error()) > 20<<10 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}

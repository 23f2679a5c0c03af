//go:build linux

package gobuild_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// foreign is an architecture other than this machine's, and its compiler.
func foreign() (target gobuild.Target, triple string, machine elf.Machine) {
	if runtime.GOARCH == "arm64" {
		return gobuild.Target{Architecture: "amd64"}, "x86_64-linux-gnu", elf.EM_X86_64
	}
	return gobuild.Target{Architecture: "arm64"}, "aarch64-linux-gnu", elf.EM_AARCH64
}

// bin returns a folder with links to programs, for use as the whole PATH.
func bin(t *testing.T, links map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, tool := range links {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return "PATH=" + dir
}

// fake returns a folder with scripts that print the machine they compile for.
func fake(t *testing.T, machines map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, m := range machines {
		text := "#!/bin/sh\ncase \"$*\" in *-dumpmachine*) echo " + m + " ;; *) exit 1 ;; esac\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCompiler(t *testing.T) {
	t.Parallel()
	goOnly := strings.TrimPrefix(bin(t, map[string]string{"go": "go"}), "PATH=")
	target, triple, _ := foreign()
	other := "s390x-linux-gnu"
	zigTriple := strings.TrimSuffix(triple, "gnu") + "musl"
	type vars = map[string]string
	for name, tt := range map[string]struct {
		fakes   vars // name: machine
		env     []string
		opts    vars
		target  gobuild.Target
		cc, cxx string
		pkg     string
		fix     string // of the error
		want    []string
	}{
		"native":                      {fakes: vars{"gcc": "x"}, target: linux, cc: "gcc"},
		"native, CC":                  {fakes: vars{"gcc": "x", "clang": "x"}, env: []string{"CC=clang -O1"}, target: linux, cc: "clang -O1"},
		"native, CC in Env":           {fakes: vars{"gcc": "x", "my-gcc": "x", "my-g++": "x"}, env: []string{"CC=clang"}, opts: vars{"CC": "my-gcc"}, target: linux, cc: "my-gcc", cxx: "my-g++"},
		"native, no CXX beside it":    {fakes: vars{"musl-gcc": "x"}, opts: vars{"CC": "musl-gcc"}, target: linux, cc: "musl-gcc"},
		"native, none":                {target: linux, fix: "apt-get install gcc libc6-dev", want: []string{`"gcc"`, "not found in PATH"}},
		"native, CC missing":          {env: []string{"CC=clang"}, target: linux, fix: "correct CC, or install the compiler", want: []string{`"clang"`}},
		"cross":                       {fakes: vars{"gcc": "x86_64-linux-gnux", triple + "-gcc": triple}, target: target, cc: triple + "-gcc", cxx: triple + "-g++"},
		"cross, musl":                 {fakes: vars{strings.TrimSuffix(triple, "gnu") + "musl-gcc": triple}, target: target, cc: strings.TrimSuffix(triple, "gnu") + "musl-gcc", cxx: strings.TrimSuffix(triple, "gnu") + "musl-g++"},
		"cross, pkg-config":           {fakes: vars{triple + "-gcc": triple, triple + "-pkg-config": ""}, target: target, cc: triple + "-gcc", cxx: triple + "-g++", pkg: triple + "-pkg-config"},
		"cross, the host's CC":        {fakes: vars{"clang": "sparc64-linux-gnu", triple + "-gcc": triple}, env: []string{"CC=clang", "CXX=clang++"}, target: target, cc: triple + "-gcc", cxx: triple + "-g++"},
		"cross, a fitting CC":         {fakes: vars{"cc-arm": triple, triple + "-gcc": triple}, env: []string{"CC=cc-arm -O1", "CXX=c++-arm"}, target: target, cc: "cc-arm -O1", cxx: "c++-arm"},
		"cross, CC in Env, unchecked": {fakes: vars{"zig": ""}, opts: vars{"CC": "zig cc", "CXX": "zig c++"}, target: target, cc: "zig cc", cxx: "zig c++"},
		"cross, CC in Env, wrong": {fakes: vars{"gcc": "sparc64-linux-gnu", "musl-gcc": other}, opts: vars{"CC": "musl-gcc -O1"}, target: target,
			fix:  "apt-get install gcc-" + strings.ReplaceAll(triple, "_", "-") + ", install zig, or set CC in Build.Env to a C compiler for linux/" + target.Architecture,
			want: []string{`CC is "musl-gcc -O1", which compiles for ` + other}},
		"cross, CC_FOR":            {fakes: vars{"x-gcc": triple}, env: []string{"CC=gcc", "CC_FOR_linux_" + target.Architecture + "=x-gcc"}, target: target, cc: "x-gcc", cxx: "x-g++"},
		"cross, zig":               {fakes: vars{"gcc": "sparc64-linux-gnu", "zig": ""}, target: target, cc: "zig cc -target " + zigTriple, cxx: "zig c++ -target " + zigTriple},
		"cross, gcc before zig":    {fakes: vars{"gcc": "sparc64-linux-gnu", "zig": "", triple + "-gcc": triple}, target: target, cc: triple + "-gcc", cxx: triple + "-g++"},
		"cross, zig does not know": {fakes: vars{"gcc": "sparc64-linux-gnu", "zig": ""}, target: gobuild.Target{Architecture: "mips64le"}, fix: "apt-get install gcc-mips64el-linux-gnuabi64, install zig, or set CC in Build.Env to a C compiler for linux/mips64le"},
		"cross, an answer of several lines": {fakes: vars{"gcc": "'sparc64-linux-gnu\nfix: forged'"}, target: target,
			fix: "apt-get install gcc-" + strings.ReplaceAll(triple, "_", "-") + ", install zig, or set CC in Build.Env to a C compiler for linux/" + target.Architecture, want: []string{"none found; no " + triple + "-gcc"}},
		"cross, none": {fakes: vars{"gcc": "sparc64-linux-gnu"}, target: target,
			fix:  "apt-get install gcc-" + strings.ReplaceAll(triple, "_", "-") + ", install zig, or set CC in Build.Env to a C compiler for linux/" + target.Architecture,
			want: []string{"linux/" + target.Architecture, `"gcc" compiles for sparc64-linux-gnu`, "no " + triple + "-gcc,"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := goIn(files{"go.mod": mod}.write(t), append(tt.env, "PATH="+fake(t, tt.fakes)+":"+goOnly)...)
			cc, err := g.Compiler(ctx(t), tt.target, gobuild.Options{Env: tt.opts})
			if tt.fix != "" {
				wantError(t, err, tt.fix, tt.want...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if cc.CC != tt.cc || cc.CXX != tt.cxx || cc.PkgConfig != tt.pkg {
				t.Errorf("got %+v, want %q, %q, %q", cc, tt.cc, tt.cxx, tt.pkg)
			}
		})
	}
}

// With a cross compiler installed, a cgo program is compiled for another
// architecture without configuration, whatever the host's own CC is.
func TestBuildCrossCgo(t *testing.T) {
	t.Parallel()
	target, triple, want := foreign()
	need(t, triple+"-gcc")
	b := build(t, goIn(viaCsum.write(t), "CC=gcc", "CXX=g++"), target, gobuild.Options{})
	if m, dynamic, _ := machine(t, b.Path); m != want || !dynamic {
		t.Errorf("got %v, dynamic %t", m, dynamic)
	}
	if b.Compiler.CC != triple+"-gcc" {
		t.Errorf("compiled by %+v", b.Compiler)
	}
	// The loader and the C library of the program are below the sysroot.
	matches, _ := filepath.Glob(filepath.Join(b.Compiler.Sysroot, "lib*", "libc.so.6"))
	if multi, _ := filepath.Glob(filepath.Join(b.Compiler.Sysroot, "lib", triple, "libc.so.6")); len(matches)+len(multi) == 0 {
		t.Errorf("no C library in the sysroot %q", b.Compiler.Sysroot)
	}
}

// Without a cross compiler, the error names the program, the package that needs cgo
// and the fix, and nothing is compiled.
func TestBuildCrossCgoNoCompiler(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	target, triple, _ := foreign()
	g := goIn(viaCsum.write(t), bin(t, map[string]string{"go": "go", "gcc": "gcc"}))
	m := find(t, g, target, gobuild.Options{})
	_, err := g.Build(ctx(t), gobuild.Request{Main: m, Output: filepath.Join(t.TempDir(), "app"), Target: target})
	wantError(t, err, "apt-get install gcc-"+strings.ReplaceAll(triple, "_", "-")+", install zig, or set CC in Build.Env to a C compiler for linux/"+target.Architecture,
		`"example.com/app"`, `"example.com/dep/csum"`, "linux/"+target.Architecture, triple+"-gcc")
}

func TestBuildNativeCgoNoCompiler(t *testing.T) {
	t.Parallel()
	g := goIn(viaCsum.write(t), bin(t, map[string]string{"go": "go"}))
	m := find(t, g, linux, gobuild.Options{})
	_, err := g.Build(ctx(t), gobuild.Request{Main: m, Output: filepath.Join(t.TempDir(), "app"), Target: linux})
	wantError(t, err, "apt-get install gcc libc6-dev", `compiling "example.com/app"`, `"example.com/dep/csum"`)
}

// With only zig installed, C code is compiled for another architecture. The test replaces
// zig by a script with zig's flags and the distribution's compiler, so its program is not
// static.
func TestHeavyBuildCrossCgoByZig(t *testing.T) {
	t.Parallel()
	target, triple, want := foreign()
	need(t, triple+"-gcc")
	compiler, err := exec.LookPath(triple + "-gcc")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := "#!/bin/sh\n[ \"$1 $2 $3\" = \"cc -target " + strings.TrimSuffix(triple, "gnu") + "musl\" ] || exit 1\nshift 3\nexec " + compiler + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "zig"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(bin(t, map[string]string{"go": "go", "as": "as", "ld": "ld", "sh": "sh"}), "PATH=")
	b := build(t, goIn(viaCsum.write(t), "PATH="+dir+":"+path), target, gobuild.Options{})
	if m, _, _ := machine(t, b.Path); m != want || !strings.HasPrefix(b.Compiler.CC, "zig cc ") {
		t.Errorf("got %v, compiled by %+v", m, b.Compiler)
	}
}

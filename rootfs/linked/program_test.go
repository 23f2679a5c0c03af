package linked_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
)

// TestHas builds a program in every way that changes the place or the form of the function table.
func TestHas(t *testing.T) {
	t.Parallel()
	external := "-ldflags=-linkmode=external"
	tests := map[string]struct {
		words []string
		gcc   bool
	}{
		"plain":        {},
		"stripped":     {words: []string{"-ldflags=-s -w"}},
		"trimpath":     {words: []string{"-trimpath"}},
		"pie":          {words: []string{"-buildmode=pie"}},
		"external":     {words: []string{"CGO_ENABLED=1", external}, gcc: true},
		"external pie": {words: []string{"CGO_ENABLED=1", "-buildmode=pie", external + " -s -w"}, gcc: true},
		"static":       {words: []string{"CGO_ENABLED=1", external + " -extldflags=-static"}, gcc: true},
		"no inlining":  {words: []string{"-gcflags=-l"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.gcc {
				testkit.Need(t, "gcc")
			}
			testHas(t, test.words...)
		})
	}
}

// TestHeavyHas is TestHas for other processors. Each compiles the standard library.
func TestHeavyHas(t *testing.T) {
	t.Parallel()
	for name, arch := range map[string]string{
		"32 bits": "386", "64 bits": "arm64", "big endian": "s390x", "32 bits, big endian": "mips",
	} {
		t.Run(name, func(t *testing.T) { testHas(t, "GOARCH="+arch) })
	}
}

func testHas(t *testing.T, words ...string) {
	t.Helper()
	p := read(t, build(t, uses, words...))
	for _, f := range []string{"runtime.main", "main.main", "time.LoadLocation", "os.UserCacheDir", "os.TempDir", "os/exec.(*Cmd).Start", "mime.TypeByExtension"} {
		if !p.Has(f) {
			t.Errorf("%s is not found", f)
		}
	}
	for _, f := range []string{"", "runtime.mai", "LoadLocation", "time.LoadLocatio", "ime.LoadLocation", "mime.ExtensionsByType", "net.readServices", "time/tzdata.loadFromEmbeddedTZData"} {
		if p.Has(f) {
			t.Errorf("%q is found", f)
		}
	}
}

// The build information of a program is available.
func TestBuild(t *testing.T) {
	t.Parallel()
	p := read(t, build(t, imports, "-tags=one,two"))
	if got := p.Build().GoVersion; got != runtime.Version() {
		t.Errorf("the Go version is %q", got)
	}
	if !p.Readable() || !p.Module("example.com/program") || p.Module("example.com/other") {
		t.Errorf("Readable %t, the module is %+v", p.Readable(), p.Build().Main)
	}
	if i := slices.IndexFunc(p.Build().Settings, tags); i < 0 {
		t.Errorf("no tags among %v", p.Build().Settings)
	}
}

// Files that are not Go programs give ErrNotGo; files that cannot be read give another error.
func TestNotGo(t *testing.T) {
	t.Parallel()
	self, err := os.ReadFile(build(t, imports))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{
		"an empty file":  nil,
		"a script":       []byte("#!/bin/sh\nexit\n"),
		"a short ELF":    self[:16],
		"an ELF of zero": append(bytes.Clone(self[:64]), make([]byte, 1<<20)...),
		"a magic number": append(bytes.Clone(self[:64]), "\xf1\xff\xff\xff\x00\x00\x01\x08"...),
	}
	for name, content := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "program")
			if err := os.WriteFile(file, content, 0o755); err != nil {
				t.Fatal(err)
			}
			if p, err := linked.Read(file); !errors.Is(err, linked.ErrNotGo) {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
	if _, err := linked.Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := linked.Read(t.TempDir()); err == nil || errors.Is(err, linked.ErrNotGo) {
		t.Errorf("a folder: %v", err)
	}
}

// After an obfuscator, or with an unknown form of the table, the functions are unknown.
func TestNotReadable(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(build(t, uses, "GOARCH=amd64"))
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.ReplaceAll(data, []byte("\xf1\xff\xff\xff\x00\x00\x01\x08"), []byte("\xe1\xff\xff\xff\x00\x00\x01\x08"))
	p := from(t, other)
	if p.Readable() || p.Has("main.main") || len(p.Needs()) > 0 || p.Build() == nil {
		t.Errorf("Readable %t, the needs are %v, the build %v", p.Readable(), p.Needs(), p.Build())
	}
}

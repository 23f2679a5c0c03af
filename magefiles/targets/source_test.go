package targets

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// module writes the files of a module to a new folder.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const withTool = `module example.com/a

go 1.24

tool github.com/fromscratch-go/fromscratch/magefiles/fromscratch

require github.com/fromscratch-go/fromscratch v1.0.0
`

// A worker that is a tool of the module is compiled anew if what selects its modules has changed.
func TestPinned(t *testing.T) {
	files := map[string]string{"go.mod": withTool, "go.sum": "one\n"}
	dir := module(t, files)
	base, err := findSource(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if base.dir != dir || base.changes || !strings.HasPrefix(base.name, "tool-") {
		t.Errorf("the source is %+v", base)
	}
	for _, tt := range []struct {
		name, file, content string
		same, changes       bool
	}{
		{"a program", "main.go", "package main\n", true, false},
		{"other sums", "go.sum", "two\n", false, false},
		{"vendored", "vendor/modules.txt", "# x\n", false, false},
		{"vendored sources without a list", "vendor/example.com/b/b.go", "package b\n", true, false},
		{"this module replaced", "go.mod", withTool + "replace github.com/fromscratch-go/fromscratch => ../f\n", false, true},
		{"another replaced by a folder", "go.mod", withTool + "replace (\n\tgithub.com/docker/docker => /docker // for now\n)\n", false, true},
		{"another replaced by a version", "go.mod", withTool + "replace github.com/docker/docker => github.com/moby/moby v1.0.0\n", false, false},
		{"workspace", "go.work", "use .\n", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, tt.file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tt.content), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := findSource(context.Background(), dir)
			if err != nil {
				t.Fatal(err)
			}
			if (got.name == base.name) != tt.same || got.changes != tt.changes {
				t.Errorf("the same worker: %t, want %t; changes: %t, want %t", got.name == base.name, tt.same, got.changes, tt.changes)
			}
			if before, ok := files[tt.file]; ok {
				err = os.WriteFile(path, []byte(before), 0o644)
			} else {
				err = os.Remove(path)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Setenv("GOFLAGS", "-modfile=other.mod")
	if other, err := findSource(context.Background(), dir); err != nil || other.name == base.name || !other.changes {
		t.Errorf("other GOFLAGS give the same worker (%v)", err)
	}
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOWORK", "/somewhere/dev.work")
	if other, err := findSource(context.Background(), dir); err != nil || !other.changes {
		t.Errorf("files of a workspace elsewhere are not checked (%v)", err)
	}
}

// A worker from vendor/ is compiled anew if somebody has edited the sources there.
func TestPinnedVendor(t *testing.T) {
	dir := module(t, map[string]string{"go.mod": withTool, "vendor/modules.txt": "# x\n", "vendor/example.com/b/b.go": "package b\n"})
	before, err := pinned(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := pinned(dir); err != nil || again.name != before.name {
		t.Errorf("the same sources have two names (%v)", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "vendor/example.com/b/b.go"), []byte("package b // edited\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if after, err := pinned(dir); err != nil || after.name == before.name {
		t.Errorf("edited sources have the same name (%v)", err)
	}
}

// What lies in a folder above the module, another user's perhaps, is neither read nor waited for.
func TestPinnedBelowOthers(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "a")
	if err := os.MkdirAll(filepath.Join(parent, "go.sum"), 0o755); err != nil { // reading it would fail
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "go.mod"), []byte(withTool), 0o644)); err != nil {
		t.Fatal(err)
	}
	before, err := pinned(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(parent, "go.mod"), []byte("module x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if after, err := pinned(dir); err != nil || after.name != before.name {
		t.Errorf("a go.mod above the module counts (%v)", err)
	}
}

// The worker and the targets have the same version, unless one is replaced.
func TestCheckPinned(t *testing.T) {
	targets := &debug.Module{Path: mainModule + inMain, Version: "v1.0.0"}
	if err := checkPinned(withTool, targets); err != nil {
		t.Error(err)
	}
	targets.Version = "v1.1.0"
	err := checkPinned(withTool, targets)
	if err == nil || !strings.HasSuffix(err.Error(), "\nfix: go get -tool "+workerPackage+"@v1.1.0") {
		t.Errorf("the error is %v", err)
	}
	for _, m := range []*debug.Module{nil, {Version: "(devel)"}, {Version: "v0.0.0", Replace: &debug.Module{Path: "../f"}}} {
		if err := checkPinned(withTool, m); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

func TestHasTool(t *testing.T) {
	for text, want := range map[string]bool{
		withTool: true,
		"tool (\n\tgithub.com/magefile/mage\n\t\"" + workerPackage + "\" // pinned\n)\n": true,
		"tool " + workerPackage + "/other\n":                                             false,
		"tool(\n\t" + workerPackage + "\n)\n":                                            true,
		"// " + strings.Repeat("x", 1<<17) + "\n" + withTool:                             true,
		"// tool " + workerPackage + "\n":                                                false,
		"require (\n\t" + workerPackage + " v1.0.0\n)\ntool (\n)\n":                      false,
		"tool (\n)\n" + workerPackage + "\n":                                             false,
	} {
		if got := hasTool(text, workerPackage); got != want {
			t.Errorf("%t for %q", got, text)
		}
	}
}

// The worker of a release is that of the same version; that of a fork is in the fork.
func TestReleasedAndForked(t *testing.T) {
	if s := released("v1.2.3"); s.name != "v1.2.3" || s.dir != "" || s.changes || !strings.Contains(s.gomod, "\nrequire "+mainModule+" v1.2.3\n") {
		t.Errorf("the source of a release is %+v", s)
	}
	a, err := forked(&debug.Module{Path: "example.com/a/magefiles/targets", Version: "v1.2.3"})
	if err != nil || !strings.Contains(a.gomod, "\nreplace "+mainModule+" => example.com/a v1.2.3\n") {
		t.Errorf("the source of a fork is %+v, %v", a, err)
	}
	b, err := forked(&debug.Module{Path: "example.com/b/magefiles/targets", Version: "v1.2.3"})
	if err != nil || a.name == b.name || a.name == "v1.2.3" {
		t.Errorf("the workers of two forks are named %q and %q (%v)", a.name, b.name, err)
	}
	if _, err := forked(&debug.Module{Path: "example.com/c", Version: "v1.2.3"}); err == nil || !strings.Contains(err.Error(), "\nfix: go get -tool ") {
		t.Errorf("the error is %v", err)
	}
}

// A worker from a copy of the repository is compiled anew if the source has changed.
func TestLocal(t *testing.T) {
	dir := module(t, map[string]string{"go.mod": "module " + mainModule + "\n", "go.sum": "", "magefiles/fromscratch/main.go": "package main\n",
		"magefiles/targets/targets.go": "", "buildkit/a.go": "", "rootfs/b.go": ""})
	if !isRepository(dir) || isRepository(filepath.Join(dir, "magefiles")) {
		t.Error("the repository is not recognized")
	}
	base, err := local(dir)
	if err != nil || base.dir != dir {
		t.Fatal(base, err)
	}
	for name, same := range map[string]bool{
		"buildkit/new.go": false, "magefiles/targets/new.go": true, "buildkit/a_test.go": true, "rootfs/testdata/c.go": true, "magefiles/bench/x.go": true, "go.sum": false,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("// changed\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := local(dir)
		if err != nil || (got.name == base.name) != same {
			t.Errorf("%s: the same worker: %t, want %t (%v)", name, got.name == base.name, same, err)
		}
		base = got
	}
}

// GOFLAGS are also meant for the program in the image. Flags that would break the worker are left out.
func TestPlainFlags(t *testing.T) {
	for goflags, want := range map[string]string{
		"":                                   "",
		"-mod=mod -race":                     "-mod=mod",
		"-buildmode=pie '-ldflags=-X a=b c'": "'-ldflags=-X a=b c'",
		"--asan -modfile=x.mod":              "-modfile=x.mod",
	} {
		if got := plainFlags(goflags); got != want {
			t.Errorf("plainFlags(%q) = %q, want %q", goflags, got, want)
		}
	}
}

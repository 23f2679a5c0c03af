package buildkit_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// caller is a cgo program that prints what a library of our own answers.
const caller = `package main

// #cgo LDFLAGS: -lfromscratchanswer
// int answer(void);
import "C"

import "fmt"

func main() { fmt.Println("the library answers", C.answer()) }
`

// library compiles libfromscratchanswer.so.1 into dir.
func library(t *testing.T, dir string) {
	t.Helper()
	need(t, "gcc")
	source := filepath.Join(t.TempDir(), "answer.c")
	if err := os.WriteFile(source, []byte("int answer(void) { return 42; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "libfromscratchanswer.so.1")
	output(t, "", "gcc", "-shared", "-fPIC", "-Wl,-soname,libfromscratchanswer.so.1", "-o", file, source)
	if err := os.Symlink("libfromscratchanswer.so.1", filepath.Join(dir, "libfromscratchanswer.so")); err != nil {
		t.Fatal(err)
	}
}

func callerModule(t *testing.T) string {
	t.Helper()
	return txtar(t, `
-- go.mod --
module example.com/caller

go 1.23
-- main.go --
`+caller)
}

// A library that the loader would not find is an error of the build: who needs
// it, where it was looked for, and a fix.
func TestMissingLibraryFailsTheBuild(t *testing.T) {
	t.Parallel()
	libs := t.TempDir()
	library(t, libs)
	dir := callerModule(t)
	_, err := build(context.Background(), dir, buildkit.Config{Build: config.Build{Env: map[string]string{"CGO_LDFLAGS": "-L" + libs}}})
	if err == nil {
		t.Fatal("an image that cannot start was built")
	}
	for _, want := range []string{"libfromscratchanswer.so.1", "/caller", "/lib/x86_64-linux-gnu", "ld.so.cache", "\nfix: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "dist/caller/rootfs/caller")); !os.IsNotExist(err) {
		t.Errorf("the program is still in dist/ (%v)", err)
	}
}

// The ways in which a library is found outside of the trusted folders, each run
// in the engine: what held on the build machine holds in the image.
func TestLibrariesOfOwnFolders(t *testing.T) {
	t.Parallel()
	need(t, "gcc", "ldconfig")
	t.Run("RUNPATH", func(t *testing.T) {
		libs := filepath.Join(t.TempDir(), "opt/lib")
		library(t, libs)
		runCaller(t, buildkit.Config{
			Repo:  repo + "runpath",
			Build: config.Build{Env: map[string]string{"CGO_LDFLAGS": "-L" + libs + " -Wl,-rpath," + libs, "CGO_LDFLAGS_ALLOW": ".*"}},
		})
	})
	t.Run("declared LD_LIBRARY_PATH", func(t *testing.T) {
		libs := filepath.Join(t.TempDir(), "opt/lib")
		library(t, libs)
		runCaller(t, buildkit.Config{
			Repo: repo + "declared", Build: config.Build{Env: map[string]string{"CGO_LDFLAGS": "-L" + libs}}, Env: map[string]string{"LD_LIBRARY_PATH": libs},
		})
	})
	t.Run("ld.so.cache", func(t *testing.T) {
		root := sysroot(t)
		library(t, filepath.Join(root, "opt/answer/lib"))
		if err := os.WriteFile(filepath.Join(root, "etc/ld.so.conf"), []byte("/opt/answer/lib\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		output(t, "", "ldconfig", "-r", root)
		built := runCaller(t, buildkit.Config{
			Repo: repo + "cache", Sysroot: root, Build: config.Build{Env: map[string]string{"CGO_LDFLAGS": "-L" + filepath.Join(root, "opt/answer/lib")}},
		})
		if _, ok := built.Tree.Lookup("/etc/ld.so.cache"); !ok {
			t.Error("the image has no ld.so.cache")
		}
	})
}

// Of a library that has variants for newer CPUs the image has the baseline's, and the
// others when they are asked for.
func TestCPUVariants(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	root := sysroot(t)
	const folder = "/usr/lib/x86_64-linux-gnu"
	const variant = folder + "/glibc-hwcaps/x86-64-v3/libfromscratchanswer.so.1"
	library(t, filepath.Join(root, folder))
	library(t, filepath.Join(root, filepath.Dir(variant)))
	for _, wanted := range []bool{false, true} {
		built := mustBuild(t, callerModule(t), buildkit.Config{
			Sysroot: root, CPUVariants: wanted, Build: config.Build{Env: map[string]string{"CGO_LDFLAGS": "-L" + filepath.Join(root, folder)}},
		})
		if _, ok := built.Tree.Lookup(folder + "/libfromscratchanswer.so.1"); !ok {
			t.Error("the baseline's library is not in the image")
		}
		if e, ok := built.Tree.Lookup(variant); ok != wanted {
			t.Errorf("the variant is in the image: %t (%s), want %t", ok, e.Reason, wanted)
		}
	}
}

// runCaller builds the caller and runs it as an image, as the image's user.
func runCaller(t *testing.T, c buildkit.Config) *buildkit.Result {
	t.Helper()
	built := mustBuild(t, callerModule(t), c)
	ref := load(t, built)
	if got := output(t, "", "docker", "run", "--rm", ref); got != "the library answers 42\n" {
		t.Errorf("the program says %q", got)
	}
	return built
}

// sysroot makes a root with the machine's C library in it and nothing else.
func sysroot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"lib", "lib64"} {
		if target, err := os.Readlink("/" + link); err == nil {
			if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"ld-linux-x86-64.so.2", "libc.so.6", "libgcc_s.so.1"} {
		found := strings.TrimSpace(output(t, "", "gcc", "-print-file-name="+name))
		real, err := filepath.EvalSymlinks(found)
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{"usr/lib/x86_64-linux-gnu"} {
			if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
				t.Fatal(err)
			}
			output(t, "", "cp", real, filepath.Join(root, dir, name))
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "usr/lib64"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", filepath.Join(root, "usr/lib64/ld-linux-x86-64.so.2")); err != nil {
		t.Fatal(err)
	}
	return root
}

// A program that the C library of the sysroot is too old for is not delivered.
func TestProgramNewerThanSysroot(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	root := sysroot(t)
	library(t, filepath.Join(root, "usr/lib/x86_64-linux-gnu"))
	// The library in the sysroot lacks the symbol that the program was linked with.
	stub := filepath.Join(t.TempDir(), "stub.c")
	if err := os.WriteFile(stub, []byte("int other(void) { return 1; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	libs := t.TempDir()
	library(t, libs)
	output(t, "", "gcc", "-shared", "-fPIC", "-Wl,-soname,libfromscratchanswer.so.1",
		"-o", filepath.Join(root, "usr/lib/x86_64-linux-gnu/libfromscratchanswer.so.1"), stub)
	_, err := build(context.Background(), callerModule(t), buildkit.Config{
		Sysroot: root, Build: config.Build{Env: map[string]string{"CGO_LDFLAGS": "-L" + libs}},
	})
	if err == nil {
		t.Fatal("an image that cannot start was built")
	}
	for _, want := range []string{"answer", "\nfix: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

// What the image preloads is in it: what its variable names comes from the sysroot, and what stands in the user's
// /etc/ld.so.preload may be a file of the user's.
func TestPreload(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	root := sysroot(t)
	library(t, filepath.Join(root, "usr/lib"))
	files := t.TempDir()
	compile := func(name, source string) {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name+".c", []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		output(t, "", "gcc", "-shared", "-fPIC", "-nostdlib", "-o", name, name+".c")
	}
	compile(filepath.Join(root, "opt/hook/libhook.so"), "int answer(void) { return 7; }\n")
	compile(filepath.Join(files, "own.so"), "int answer(void) { return 8; }\n")
	if err := os.WriteFile(filepath.Join(files, "preload"), []byte("# of the image\n/opt/own.so\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	own := []config.File{{From: filepath.Join(files, "preload"), To: "/etc/ld.so.preload"}, {From: filepath.Join(files, "own.so"), To: "/opt/own.so"}}
	for name, c := range map[string]struct {
		env   string
		files []config.File
		want  string
		paths []string
	}{
		"the variable": {"/opt/hook/libhook.so", nil, "7", []string{"/opt/hook/libhook.so"}},
		"the file":     {"", own, "8", []string{"/opt/own.so"}},
		"both":         {"/opt/hook/libhook.so:/opt/gone.so", own, "7", []string{"/opt/hook/libhook.so", "/opt/own.so"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := buildkit.Config{
				Repo: repo + "preload", Sysroot: root, Files: c.files, Build: config.Build{Env: map[string]string{"CGO_LDFLAGS": "-L" + filepath.Join(root, "usr/lib")}},
			}
			if c.env != "" {
				config.Env = map[string]string{"LD_PRELOAD": c.env}
			}
			built := mustBuild(t, callerModule(t), config)
			// The loader may warn on stderr, and that may come before or after.
			if got := output(t, "", "docker", "run", "--rm", load(t, built)); !strings.Contains(got, "the library answers "+c.want+"\n") {
				t.Errorf("the program says %q, want %s", got, c.want)
			}
			for _, p := range c.paths {
				if _, ok := built.Tree.Lookup(p); !ok {
					t.Errorf("the image has no %s", p)
				}
			}
			notes := strings.Join(built.Explain().Notes, "\n")
			if strings.Contains(notes, "own.so") || strings.Contains(notes, `library "/opt/gone.so" not found`) != strings.Contains(c.env, "gone") {
				t.Errorf("notes:\n%s", notes)
			}
		})
	}
}

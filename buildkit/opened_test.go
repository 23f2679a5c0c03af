package buildkit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// opener is a cgo program that opens the library of our own while it runs.
const opener = `package main

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stdlib.h>
// static int answer(const char *name) {
//   void *lib = dlopen(name, RTLD_NOW);
//   if (!lib) return -1;
//   int (*f)(void) = (int (*)(void))dlsym(lib, "answer");
//   return f ? f() : -2;
// }
import "C"

import (
	"fmt"
	"os"
)

func main() { fmt.Println("the library answers", C.answer(C.CString(os.Getenv("LIBRARY")))) }
`

func openerModule(t *testing.T) string {
	t.Helper()
	return txtar(t, `
-- go.mod --
module example.com/opener

go 1.23
-- main.go --
`+opener)
}

// A library that only the program knows of comes when the Config names it, by its
// name or its path, with what it needs; without that it is not there.
func TestConfiguredLibraries(t *testing.T) {
	t.Parallel()
	need(t, "gcc", "ldconfig")
	root := sysroot(t)
	library(t, filepath.Join(root, "opt/answer/lib"))
	if err := os.WriteFile(filepath.Join(root, "etc/ld.so.conf"), []byte("/opt/answer/lib\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	output(t, "", "ldconfig", "-r", root)
	const soname, path = "libfromscratchanswer.so.1", "/opt/answer/lib/libfromscratchanswer.so.1"
	for _, c := range []struct {
		name, opens string
		libraries   []string
		want        string
	}{
		{"by name", soname, []string{soname}, "the library answers 42\n"},
		{"by path", path, []string{path}, "the library answers 42\n"},
		{"not named", soname, nil, "the library answers -1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			built := mustBuild(t, openerModule(t), buildkit.Config{
				Repo: repo + "opens", Sysroot: root, Libraries: c.libraries, Env: map[string]string{"LIBRARY": c.opens}, Origin: "magefile.go:7",
			})
			if got := output(t, "", "docker", "run", "--rm", load(t, built)); got != c.want {
				t.Errorf("the program says %q, want %q", got, c.want)
			}
			e, ok := built.Tree.Lookup(path)
			if ok != (c.libraries != nil) || ok && (e.Reason != "configured at magefile.go:7" || e.For != "/opener") {
				t.Errorf("%s is in the image: %t (%s, for %s)", path, ok, e.Reason, e.For)
			}
		})
	}
}

// Libraries that cannot be had are mistakes of the Config.
func TestConfiguredLibrariesWrong(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	static := txtar(t, `
-- go.mod --
module example.com/static

go 1.23
-- main.go --
package main

func main() {}
`)
	for _, c := range []struct {
		name, dir string
		config    buildkit.Config
		say       []string
		isConfig  bool
	}{
		{"missing", openerModule(t), buildkit.Config{Libraries: []string{"libnone.so.1"}}, []string{`"libnone.so.1"`, "\nfix: "}, false},
		{"static", static, buildkit.Config{Libraries: []string{"libc.so.6"}}, []string{"static", `"libc.so.6"`, "\nfix: "}, true},
		{"relative", static, buildkit.Config{Libraries: []string{"lib/x.so"}}, []string{`"lib/x.so"`, "\nfix: "}, true},
		{"no pattern", static, buildkit.Config{Exclude: []string{"["}}, []string{`"["`, "\nfix: "}, true},
		{"excluded", openerModule(t), buildkit.Config{Exclude: []string{"libc.so.6"}, Origin: "magefile.go:7"}, []string{`"libc.so.6"`, "\nfix: remove \"libc.so.6\" from Exclude in the Config (magefile.go:7)"}, false},
		{"none and more", static, buildkit.Config{Plugins: []string{"none", "vips"}}, []string{"none", "\nfix: "}, true},
		{"no such group", openerModule(t), buildkit.Config{Plugins: []string{"nonsense"}}, []string{`"nonsense"`, "\nfix: "}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := build(context.Background(), c.dir, c.config)
			if err == nil {
				t.Fatal("it was built")
			}
			var isConfig *buildkit.ConfigError
			if errors.As(err, &isConfig) != c.isConfig {
				t.Errorf("a mistake of the Config: %t, want %t: %v", !c.isConfig, c.isConfig, err)
			}
			for _, want := range c.say {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}

// A program of C, compiled by somebody else, is an image like any other.
func TestBinary(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	dir := txtar(t, `
-- go.mod --
module example.com/other

go 1.23
-- app.c --
#include <math.h>
#include <stdio.h>
int main(int n, char **v) { printf("%g\n", sqrt(n * 4.0)); return 0; }
`)
	c := buildkit.Config{
		Binary: "out/app",
		Repo:   repo + "binary",
		Origin: "magefile.go:7",
		Build: config.Build{Before: func(_ context.Context, b config.BuildInfo) error {
			dir := b.Dir
			if err := os.MkdirAll(filepath.Join(dir, "out"), 0o755); err != nil {
				return err
			}
			output(t, dir, "gcc", "-o", "out/app", "app.c", "-lm")
			return nil
		}},
	}
	built := mustBuild(t, dir, c)
	if got := output(t, "", "docker", "run", "--rm", load(t, built)); got != "2\n" {
		t.Errorf("the program says %q", got)
	}
	if built.Plan.Name != "app" {
		t.Errorf("the image is named %q", built.Plan.Name)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "out/app"))
	if err != nil {
		t.Fatal(err)
	}
	bsd := slices.Clone(whole)
	bsd[7] = 9 // EI_OSABI, ELFOSABI_FREEBSD
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "half"), whole[:3000], 0o755), os.WriteFile(filepath.Join(dir, "bsd"), bsd, 0o755)); err != nil {
		t.Fatal(err)
	}
	output(t, dir, "gcc", "-shared", "-nostdlib", "-o", "lib.so", "-x", "c", "/dev/null")
	for name, wrong := range map[string]buildkit.Config{
		"not there": {Binary: "out/none"}, "a script": {Binary: "app.c"}, "a folder": {Binary: "out"},
		"half a program": {Binary: "half"}, "a library": {Binary: "lib.so"}, "another system": {Binary: "bsd"},
		"other platform": {Binary: "out/app", Platforms: []string{"linux/s390x"}}, "with Main": {Binary: "out/app", Main: "."}, "with Tags": {Binary: "out/app", Build: config.Build{Tags: []string{"a"}}},
	} {
		_, err := build(context.Background(), dir, wrong)
		var isConfig *buildkit.ConfigError
		if name == "half a program" && err != nil {
			continue // that is for the build to find
		}
		if !errors.As(err, &isConfig) || !strings.Contains(err.Error(), "\nfix: ") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// asker looks for what is not in an empty image.
const asker = `package main

import (
	"fmt"
	"mime"
	"os"
	"os/exec"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Println(exec.Command(os.Args[1]).Run())
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	fmt.Println(time.Unix(0, 0).In(zone).Format("15:04 MST"), mime.TypeByExtension(".epub"))
	cache, err := os.UserCacheDir()
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(cache+"/x", nil, 0o644); err != nil {
		panic(err)
	}
}
`

// What the functions of Go look for that are linked in is in the image, with the
// function as its reason, and nothing of it in other images.
func TestLinkedFunctions(t *testing.T) {
	t.Parallel()
	dir := txtar(t, `
-- go.mod --
module example.com/asker

go 1.23
-- main.go --
`+asker)
	built := mustBuild(t, dir, buildkit.Config{Repo: repo + "asker"})
	if got := output(t, "", "docker", "run", "--rm", load(t, built)); got != "01:00 CET application/epub+zip\n" {
		t.Errorf("the program says %q", got)
	}
	for path, function := range map[string]string{
		"/usr/share/zoneinfo/Europe/Berlin": "time.LoadLocation", "/etc/mime.types": "mime.TypeByExtension", "/data/.cache": "os.UserCacheDir",
	} {
		if e, _ := built.Tree.Lookup(path); !strings.Contains(e.Reason, function) {
			t.Errorf("%s is there because of %q, want %s", path, e.Reason, function)
		}
	}
	if notes := strings.Join(built.Explain().Notes, "\n"); !strings.Contains(notes, "warning: os/exec.(*Cmd).Start is linked, and the image has no shell and no other programs") {
		t.Errorf("nothing is said of other programs: %q", notes)
	}
	embedded := mustBuild(t, dir, buildkit.Config{Name: "embedded", Build: config.Build{Tags: []string{"timetzdata"}}})
	if _, ok := embedded.Tree.Lookup("/usr/share/zoneinfo"); ok {
		t.Error("there are zones although the program has its own")
	}
	chosen := mustBuild(t, dir, buildkit.Config{Name: "chosen", Timezones: []string{"Asia/Tokyo"}})
	if _, ok := chosen.Tree.Lookup("/usr/share/zoneinfo/Europe/Berlin"); ok {
		t.Error("there are zones beyond those that were chosen")
	}
}

// An image whose user may not read what the loader has to read is not delivered:
// the loader would call the library missing.
func TestUnreadableForTheUser(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	_, err := build(context.Background(), openerModule(t), buildkit.Config{
		Dirs: []config.Dir{{Path: "/usr", Mode: 0o700, Owner: "0:0"}},
	})
	if err == nil {
		t.Fatal("an image that cannot start was built")
	}
	for _, want := range []string{"65534:65534", `"/usr"`, "\nfix: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

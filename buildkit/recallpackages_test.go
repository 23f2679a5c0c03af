package buildkit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// muslSysroot is a sysroot of Alpine with the loader of this machine's musl, and its database of packages.
func muslSysroot(t *testing.T) (dir, installed string) {
	t.Helper()
	need(t, "musl-gcc")
	loaders, err := filepath.Glob("/lib/ld-musl-*.so.1")
	if err != nil || len(loaders) != 1 {
		missing(t, "musl")
	}
	loader, err := os.ReadFile(loaders[0])
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(loaders[0])
	installed = "P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:" + name + "\n"
	return module(t, map[string]string{
		"lib/" + name:          string(loader),
		"etc/os-release":       "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.18.4\n",
		"lib/apk/db/installed": installed,
	}), installed
}

// onMusl is the Config of a program that loads musl from a sysroot.
func onMusl(sysroot string) buildkit.Config {
	return buildkit.Config{Build: config.Build{Cgo: "on", Env: map[string]string{"CC": "musl-gcc"}}, Sysroot: sysroot}
}

// The database of packages is an input: an upgrade changes the image even if no library has another byte. What the image has nothing of
// does not change it.
func TestRecallSeesPackages(t *testing.T) {
	t.Parallel()
	sysroot, installed := muslSysroot(t)
	const database = "lib/apk/db/installed"
	upgraded := strings.Replace(installed, "1.2.4-r2", "1.2.4-r3", 1)
	dir, c := ownCopy(t, "musl"), onMusl(sysroot)
	seesEach(t, dir, c, []inputChange{
		{"another version", writing(sysroot, database, upgraded), false},
		{"a package that the image has nothing of", writing(sysroot, database, upgraded+"\nP:zlib\nV:1\nA:x86_64\nF:lib\nR:libz.so\n"), true},
		{"another release", writing(sysroot, "etc/os-release", "ID=alpine\nVERSION_ID=3.18.5\n"), false},
	})
	c.Packages = config.PackagesNone
	run(t, inputs(dir, c))
	writing(sysroot, database, installed)(t)
	if !stands(t, inputs(dir, c)) {
		t.Error("an image without a database does not stand after an upgrade")
	}
}

// A program whose libraries are those of the last build keeps the database.
func TestPackagesAreKept(t *testing.T) {
	t.Parallel()
	sysroot, _ := muslSysroot(t)
	dir, c := ownCopy(t, "musl"), onMusl(sysroot)
	first := run(t, inputs(dir, c))
	change := writing(dir, "more.go", "package main\n\nfunc init() { println(1) }\n")
	change(t)
	if second := run(t, inputs(dir, c)); second["musl"] == first["musl"] {
		t.Error("the program has not changed")
	}
	if err := os.Remove(filepath.Join(dir, "more.go")); err != nil {
		t.Fatal(err)
	}
	if third := run(t, inputs(dir, c)); third["musl"] != first["musl"] {
		t.Error("with the libraries of an earlier build the image is another one")
	}
}

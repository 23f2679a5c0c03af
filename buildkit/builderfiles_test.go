package buildkit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// A Sysroot is a folder of the builder.
func TestHeavyBuilderSysroot(t *testing.T) {
	dir := helloModule(t)
	b := builders(t)
	for _, row := range []struct{ name, sysroot, says string }{
		{"there", "/usr/lib/gcc/x86_64-linux-gnu/10", ""}, // Debian 11's
		{"here", dir + "/..", "is no folder of the Build.Container " + buildertest.Older(t)},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := os.Stat(row.sysroot); (err == nil) == (row.says == "") {
				missing(t, "another compiler than the builder's")
			}
			c := buildkit.Config{Build: config.Build{Container: buildertest.Older(t)}, Repo: repo + "builder-sysroot", Sysroot: row.sysroot}
			err := runIn(context.Background(), b, buildkit.Inputs{Dir: dir, Configs: []buildkit.Config{c}}, func(*buildkit.Result) error { return nil })
			var wrong *buildkit.ConfigError
			if row.says == "" && err != nil || row.says != "" && (!errors.As(err, &wrong) || !strings.Contains(err.Error(), row.says)) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// The Dockerfile of a program that is compiled in a builder is about the builder's release, packages and files, which are
// not those of this machine.
func TestHeavyBuilderDockerfile(t *testing.T) {
	const iconv = `package main

// #cgo LDFLAGS: -lsqlite3
// #include <iconv.h>
// #include <sqlite3.h>
import "C"

func main() { C.iconv_open(C.CString("UTF-16"), C.CString("UTF-8")); C.sqlite3_libversion_number() }
`
	dir := txtar(t, `
-- go.mod --
module example.com/lite

go 1.23
-- main.go --
`+iconv)
	c := buildkit.Config{Build: config.Build{Container: buildertest.Older(t)}, Repo: repo + "builder-dockerfile", Origin: "magefile.go:7"}
	err := runIn(context.Background(), builders(t), buildkit.Inputs{Dir: dir, Configs: []buildkit.Config{c}}, func(built *buildkit.Result) error {
		d, err := built.Dockerfile(context.Background(), "")
		if err == nil {
			err = buildkit.WriteDockerfiles([]buildkit.Dockerfile{d})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text := written(t, filepath.Join(dir, "Dockerfile"))
	for _, want := range []string{"golang:1.23-bullseye\n", "libsqlite3-dev", "-rP -t /rootfs /usr/lib/x86_64-linux-gnu/gconv\n", "--build-arg GO_IMAGE=" + c.Build.Container} {
		if !strings.Contains(text, want) {
			t.Errorf("the Dockerfile has no %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

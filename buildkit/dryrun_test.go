package buildkit_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// DryRun reports what is wrong in the Config as a build does, unless a Before may put it right.
func TestDryRunChecks(t *testing.T) {
	before := func(context.Context, config.BuildInfo) error { return nil }
	for _, tt := range []struct {
		name   string
		config buildkit.Config
		wrong  bool // in the Config
		ok     bool
		open   bool // only the build can tell
	}{
		{name: "nothing", ok: true},
		{name: "a folder of somebody else in the place of dist/web", config: buildkit.Config{Main: "./cmd/web"}, wrong: true},
		{name: "a group of plugins that is not known", config: buildkit.Config{Plugins: []string{"font"}}, wrong: true},
		{name: "a file that is not there", config: buildkit.Config{Files: []config.File{{From: "assets", To: "/srv"}}}, wrong: true},
		{name: "the same, with a Before", config: buildkit.Config{Files: []config.File{{From: "assets", To: "/srv"}}, Build: config.Build{Before: before}}, open: true, ok: true},
		{name: "an entrypoint that is not there", config: buildkit.Config{Entrypoint: []string{"/bin/sh"}}, wrong: true},
		{name: "a library of a static program", config: buildkit.Config{Build: config.Build{Cgo: "off"}, Libraries: []string{"libz.so.1"}}, wrong: true},
		{name: "a zone that is not there", config: buildkit.Config{Timezones: []string{"Europe/Atlantis"}}, wrong: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := two(t)
			tt.config.Main = cmp.Or(tt.config.Main, "./cmd/worker")
			plans, err := resolve(dir, nil, tt.config)
			var f buildkit.Findings
			if err == nil {
				f, err = buildkit.DryRun(context.Background(), plans[0])
			}
			var wrong *buildkit.ConfigError
			if errors.As(err, &wrong) != tt.wrong || (err == nil) != tt.ok {
				t.Errorf("error %v, wanted: of the Config %t, none %t", err, tt.wrong, tt.ok)
			}
			if (f.Unknown != nil) != tt.open {
				t.Errorf("unknown to the plan: %v", f.Unknown)
			}
			if _, err := os.Stat(filepath.Join(dir, "dist/worker")); !os.IsNotExist(err) {
				t.Errorf("dist was taken (%v)", err)
			}
		})
	}
}

// A plan fails as the build would, with the same kind of error: also where the base or the libraries are wrong.
func TestDryRunFailsAsTheBuild(t *testing.T) {
	t.Parallel()
	const cgo = "import \"C\"\n\n"
	dir := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir} }
	preload := tarFile("etc/ld.so.preload", strings.Repeat("/lib/libx.so ", 1<<20))
	for _, tt := range []struct {
		name   string
		config buildkit.Config
		base   []tar.Header // nil is scratch
		cgo    string
		words  string
		kind   string
	}{
		{name: "a folder in the place of the program", config: buildkit.Config{Name: "web"}, base: []tar.Header{dir("web")}, words: "the path is taken", kind: "config"},
		{name: "no C library", config: buildkit.Config{Build: config.Build{Cgo: "on"}}, base: []tar.Header{dir("srv")}, cgo: cgo, words: "has no C library", kind: "config"},
		{name: "a file of libraries to preload that is too large", base: []tar.Header{dir("etc"), preload}, words: "ld.so.preload", kind: "config"},
		{name: "a base that is not there", config: buildkit.Config{Base: "archive:none.tar"}, words: "none.tar", kind: "config"},
		{name: "a registry that is not there", config: buildkit.Config{Base: "127.0.0.1:1/acme/none:1"}, words: "127.0.0.1:1", kind: "engine"},
		{name: "a library that is not there", config: buildkit.Config{Build: config.Build{Cgo: "on"}, Libraries: []string{"libnowhere.so.1"}}, cgo: cgo, words: "libnowhere.so.1", kind: "build"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.cgo != "" {
				need(t, "gcc")
			}
			dir := module(t, map[string]string{"go.mod": "module example.com/onbase\n\ngo 1.23\n", "main.go": "package main\n\n" + tt.cgo + "func main() {}\n"})
			if tt.base != nil {
				tt.config.Base = "archive:" + madeBase(t, tt.base...)
			}
			plans, err := resolve(dir, nil, tt.config)
			if err != nil {
				t.Fatal(err)
			}
			_, planned := buildkit.DryRun(context.Background(), plans[0])
			_, built := buildkit.Build(context.Background(), plans[0], nil)
			for what, err := range map[string]error{"the plan": planned, "the build": built} {
				if wantWords(t, err, tt.words); kindOf(err) != tt.kind {
					t.Errorf("%s: the error %v is of the kind %q, want %q", what, err, kindOf(err), tt.kind)
				}
			}
		})
	}
}

// kindOf names whose fault an error is.
func kindOf(err error) string {
	var config *buildkit.ConfigError
	var engine *buildkit.EngineError
	switch {
	case err == nil:
		return "none"
	case errors.As(err, &config):
		return "config"
	case errors.As(err, &engine):
		return "engine"
	}
	return "build"
}

// A program that does not compile has a plan that says so. What is wrong besides still fails.
func TestDryRunWithoutTheProgram(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config buildkit.Config
		kind   string
	}{
		{name: "nothing else", kind: "none"},
		{name: "a file that is not there", config: buildkit.Config{Files: []config.File{{From: "assets", To: "/srv"}}}, kind: "config"},
		{name: "a registry that is not there", config: buildkit.Config{Base: "127.0.0.1:1/acme/none:1"}, kind: "engine"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			plans, err := resolve(module(t, map[string]string{"go.mod": "module example.com/broken\n\ngo 1.23\n", "main.go": "package main\n\nfunc main() { oops() }\n"}), nil, tt.config)
			if err != nil {
				t.Fatal(err)
			}
			f, err := buildkit.DryRun(context.Background(), plans[0])
			if kindOf(err) != tt.kind {
				t.Errorf("the error %v is of the kind %q, want %q", err, kindOf(err), tt.kind)
			}
			if err == nil {
				wantWords(t, f.Unknown, "oops")
			}
		})
	}
}

// madeBase is an archive, as docker save writes it, of an image with one layer.
func madeBase(t *testing.T, entries ...tar.Header) string {
	t.Helper()
	archive := func(files ...tar.Header) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range files {
			content := h.PAXRecords["test.content"]
			h.PAXRecords, h.Size, h.Mode = nil, int64(len(content)), 0o755
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(content)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	layer := archive(entries...)
	path := filepath.Join(t.TempDir(), "base.tar")
	err := os.WriteFile(path, archive(
		tarFile("config.json", fmt.Sprintf(`{"os":"linux","architecture":%q,"config":{},"rootfs":{"type":"layers","diff_ids":[%q]}}`, runtime.GOARCH, digest.FromBytes(layer))),
		tarFile("layer.tar", string(layer)),
		tarFile("manifest.json", `[{"Config":"config.json","RepoTags":["base:1"],"Layers":["layer.tar"]}]`),
	), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// tarFile is a file for [madeBase].
func tarFile(name, content string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, PAXRecords: map[string]string{"test.content": content}}
}

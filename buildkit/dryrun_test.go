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
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// A plan is checked as a build is: what is wrong in the Config is told as that, unless Before may put it right.
func TestDryRunChecks(t *testing.T) {
	before := func(context.Context, string) error { return nil }
	for _, tt := range []struct {
		name   string
		config buildkit.Config
		wrong  bool // in the Config
		ok     bool
	}{
		{name: "nothing", ok: true},
		{name: "a folder of somebody else in the place of dist/web", config: buildkit.Config{Main: "./cmd/web"}, wrong: true},
		{name: "a group of plugins that is not known", config: buildkit.Config{Plugins: []string{"font"}}, wrong: true},
		{name: "a file that is not there", config: buildkit.Config{Files: []config.File{{From: "assets", To: "/srv"}}}, wrong: true},
		{name: "the same, with a Before", config: buildkit.Config{Files: []config.File{{From: "assets", To: "/srv"}}, Before: before}},
		{name: "an entrypoint that is not there", config: buildkit.Config{Entrypoint: []string{"/bin/sh"}}, wrong: true},
		{name: "a library of a static program", config: buildkit.Config{Cgo: "off", Libraries: []string{"libz.so.1"}}, wrong: true},
		{name: "a zone that is not there", config: buildkit.Config{Timezones: []string{"Europe/Atlantis"}}, wrong: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := two(t)
			tt.config.Main = cmp.Or(tt.config.Main, "./cmd/worker")
			plans, err := resolve(dir, nil, tt.config)
			if err == nil {
				_, err = buildkit.DryRun(context.Background(), plans[0])
			}
			var wrong *buildkit.ConfigError
			if errors.As(err, &wrong) != tt.wrong || (err == nil) != tt.ok {
				t.Errorf("error %v, wanted: of the Config %t, none %t", err, tt.wrong, tt.ok)
			}
			if _, err := os.Stat(filepath.Join(dir, "dist/worker")); !os.IsNotExist(err) {
				t.Errorf("dist was taken (%v)", err)
			}
		})
	}
}

// A base that the program cannot be put on is a mistake in the Config, to a plan and to a build.
func TestDryRunChecksTheBase(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config buildkit.Config
		cgo    string
		words  string
	}{
		{name: "a folder in the place of the program", config: buildkit.Config{Name: "web"}, words: "the path is taken"},
		{name: "no C library", config: buildkit.Config{Cgo: "on"}, cgo: "import \"C\"\n\n", words: "has no C library"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.cgo != "" {
				need(t, "gcc")
			}
			dir := module(t, map[string]string{"go.mod": "module example.com/onbase\n\ngo 1.23\n", "main.go": "package main\n\n" + tt.cgo + "func main() {}\n"})
			tt.config.Base = "archive:" + folderBase(t, "web")
			plans, err := resolve(dir, nil, tt.config)
			if err != nil {
				t.Fatal(err)
			}
			_, planned := buildkit.DryRun(context.Background(), plans[0])
			_, built := buildkit.Build(context.Background(), plans[0], nil)
			for what, err := range map[string]error{"the plan": planned, "the build": built} {
				var wrong *buildkit.ConfigError
				if wantWords(t, err, tt.words); !errors.As(err, &wrong) {
					t.Errorf("%s: %v is not an error of the Config", what, err)
				}
			}
		})
	}
}

// folderBase is an archive, as docker save writes it, of an image with one empty folder.
func folderBase(t *testing.T, folder string) string {
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
	file := func(name, content string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeReg, PAXRecords: map[string]string{"test.content": content}}
	}
	layer := archive(tar.Header{Name: folder, Typeflag: tar.TypeDir})
	path := filepath.Join(t.TempDir(), "base.tar")
	err := os.WriteFile(path, archive(
		file("config.json", fmt.Sprintf(`{"os":"linux","architecture":%q,"config":{},"rootfs":{"type":"layers","diff_ids":[%q]}}`, runtime.GOARCH, digest.FromBytes(layer))),
		file("layer.tar", string(layer)),
		file("manifest.json", `[{"Config":"config.json","RepoTags":["base:1"],"Layers":["layer.tar"]}]`),
	), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

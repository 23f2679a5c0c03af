// Digests prints a line with the digest of each image of the examples and of the acceptance tests' programs, to compare
// two versions of fromscratch on one machine:
//
//	go run ./magefiles/bench/digests >before
//	go run ./magefiles/bench/digests >after
//	diff before after
//
// A digest depends on the machine's Go, C libraries and certificates. Images of other machines cannot be compared.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// modules are folders of this repository with their Configs. Without Configs, the defaults are used.
var modules = []struct {
	dir     string
	configs []buildkit.Config
}{
	{"examples/hello", nil},
	{"examples/sqlite", nil},
	{"examples/files", []buildkit.Config{
		{Main: "./cmd/web", Files: []config.File{{From: "site", To: "/srv/www", Owner: "web"}}, Users: []config.User{{Name: "web", UID: 1000, GID: 1000, Home: "/srv"}}, User: "web", Ports: []string{"8080"}, Env: map[string]string{"PORT": "8080"}, Licenses: true},
		{Name: "arm", Main: "./cmd/clock", Platforms: []string{"linux/arm64", "linux/arm/v7"}, Build: config.Build{Cgo: "off"}, Tags: config.Tags{"latest", "1", "1.2"}, Env: map[string]string{"TZ": "Europe/Berlin"}, Timezones: []string{"Asia/Tokyo"}},
	}},
	{"buildkit/testdata/bundled", nil},
	{"buildkit/testdata/crane", []buildkit.Config{{Main: "github.com/google/go-containerregistry/cmd/crane", Licenses: true}}},
	{"buildkit/testdata/curl", nil},
	{"buildkit/testdata/govips", nil},
	{"buildkit/testdata/iconv", nil},
	{"buildkit/testdata/imagick", nil},
	{"buildkit/testdata/kafka", []buildkit.Config{{Build: config.Build{Tags: []string{"dynamic"}}}}},
	{"buildkit/testdata/legacyssl", nil},
	{"buildkit/testdata/musl", []buildkit.Config{{Build: config.Build{Cgo: "on", Env: map[string]string{"CC": "musl-gcc"}}}}},
	{"buildkit/testdata/pie", []buildkit.Config{{Build: config.Build{Cgo: "off", Flags: []string{"-buildmode=pie"}}}}},
	{"buildkit/testdata/purego", []buildkit.Config{{Build: config.Build{Cgo: "off"}, Libraries: []string{"libsqlite3.so.0"}}}},
	{"buildkit/testdata/resolver", []buildkit.Config{{Build: config.Build{Cgo: "on", Tags: []string{"netcgo"}}}}},
	{"buildkit/testdata/sasl", nil},
	{"buildkit/testdata/vipsformats", []buildkit.Config{{Plugins: []string{"auto", "fonts"}, Timezones: []string{"Europe/Berlin"}}}},
	{"buildkit/testdata/cross", []buildkit.Config{{Platforms: []string{"linux/arm64"}, Build: config.Build{Cgo: "on", Env: map[string]string{"CC": "aarch64-linux-gnu-gcc"}}}}},
}

func run(ctx context.Context, out io.Writer) (err error) {
	temp, err := os.MkdirTemp("", "fromscratch-digests-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	for _, m := range modules {
		dir := filepath.Join(temp, filepath.Base(m.dir))
		if err := os.CopyFS(dir, os.DirFS(m.dir)); err != nil {
			return err
		}
		// The second build uses everything that the first one has cached.
		for _, times := range []string{"first", "again"} {
			if err := digests(ctx, out, m.dir+" "+times, dir, m.configs); err != nil {
				return fmt.Errorf("%s: %w", m.dir, err)
			}
		}
	}
	return nil
}

func digests(ctx context.Context, out io.Writer, label, dir string, configs []buildkit.Config) error {
	plans, err := buildkit.Resolve(ctx, buildkit.Inputs{Dir: dir, Environ: os.Environ(), Configs: configs, Prepare: true})
	if err != nil {
		return err
	}
	for _, p := range plans {
		b, err := buildkit.Build(ctx, p, nil)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%-45s %s %s\n", label+" "+p.Label(), b.Image.ConfigDigest, b.Image.ManifestDigest)
		if err := errors.Join(err, b.Close()); err != nil {
			return err
		}
	}
	return nil
}

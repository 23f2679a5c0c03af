package main

import (
	"context"
	"os/exec"
	"path/filepath"
)

// program is a program for which ways to an image are compared.
type program struct {
	name    string
	title   string
	cgo     bool // it needs shared libraries
	missing func() string
	write   func(ctx context.Context, b *bench, dir string) error
}

func programs() []program {
	return []program{
		{name: "hello", title: "hello: a server with net/http", write: writeHello},
		{name: "caddy", title: "caddy v2: its own main, copied", write: writeCaddy},
		{name: "govips", title: "govips: cgo, some two hundred libraries", cgo: true, missing: missingVips, write: writeGovips},
	}
}

// writeHello writes the example, without its magefile.
func writeHello(_ context.Context, b *bench, dir string) error {
	if err := writeFile(filepath.Join(dir, "go.mod"), "module example.com/hello\n\ngo 1.24.0\n"); err != nil {
		return err
	}
	return copyFiles(filepath.Join(b.root, "examples", "hello"), dir, "main.go")
}

// writeCaddy writes a module with caddy's main, which caddy tells users to copy for their own builds.
func writeCaddy(ctx context.Context, b *bench, dir string) error {
	const caddy = "github.com/caddyserver/caddy/v2"
	if err := copyFiles(filepath.Join(b.root, "buildkit", "testdata", "caddy"), dir, "go.mod", "go.sum"); err != nil {
		return err
	}
	if _, err := b.call(ctx, command{dir: dir, args: []string{"go", "mod", "download", caddy}}); err != nil {
		return err
	}
	source, err := b.call(ctx, command{dir: dir, args: []string{"go", "list", "-m", "-f", "{{.Dir}}", caddy}})
	if err != nil {
		return err
	}
	return copyFiles(filepath.Join(source, "cmd", "caddy"), dir, "main.go")
}

func writeGovips(_ context.Context, b *bench, dir string) error {
	return copyFiles(filepath.Join(b.root, "buildkit", "testdata", "govips"), dir, "go.mod", "go.sum", "main.go")
}

func missingVips() string {
	for _, tool := range []string{"gcc", "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "there is no " + tool + " here"
		}
	}
	if err := exec.Command("pkg-config", "--exists", "vips").Run(); err != nil {
		return "the development files of libvips (libvips-dev) are not installed"
	}
	return ""
}

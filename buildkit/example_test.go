package buildkit_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// A program becomes an archive that docker load, podman load and skopeo read. No engine is needed.
func Example() {
	ctx := context.Background()
	dir := exampleModule()
	defer os.RemoveAll(dir)

	plans, err := buildkit.Resolve(ctx, exampleInputs(dir, buildkit.Config{Repo: "registry.example/acme/hello", Tags: config.Tags{"1.2"}}))
	if err != nil {
		log.Fatal(err)
	}
	built, err := buildkit.Build(ctx, plans[0], nil)
	if err != nil {
		log.Fatal(err)
	}
	defer built.Close()
	paths, err := buildkit.ArchiveAll(ctx, []*buildkit.Result{built}, built.Plan.Platform)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.TrimPrefix(paths[0], dir))

	archive, err := os.Open(paths[0])
	if err != nil {
		log.Fatal(err)
	}
	defer archive.Close()
	files := tar.NewReader(archive)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		if h.Name == "manifest.json" {
			text, err := io.ReadAll(files)
			fmt.Println(strings.Contains(string(text), `"RepoTags":["registry.example/acme/hello:1.2"]`), err)
		}
	}
	// Output:
	// /dist/hello/image.tar
	// true <nil>
}

// A plan has each value with its origin. Nothing is compiled.
func ExampleResolve() {
	dir := exampleModule()
	defer os.RemoveAll(dir)
	in := exampleInputs(dir, buildkit.Config{Repo: "registry.example/acme/hello", Origin: "magefile.go:9"})
	in.Environ = append(in.Environ, "IMAGE_TAG=1.2")
	plans, err := buildkit.Resolve(context.Background(), in)
	if err != nil {
		log.Fatal(err)
	}
	plan := plans[0]
	fmt.Println(plan.Name, plan.Reference, plan.Platform)
	for _, v := range plan.Values {
		switch v.Name {
		case "main", "reference", "user", "workdir":
			fmt.Printf("%s = %s (%s)\n", v.Name, v.Value, v.Origin)
		}
	}
	// Output:
	// hello registry.example/acme/hello:1.2 linux/amd64
	// main = example.com/hello (discovered)
	// reference = registry.example/acme/hello:1.2 (repository: magefile.go:9, tag: env IMAGE_TAG)
	// user = 65534:65534 (nobody) (default)
	// workdir = /data (default)
}

// A mistake in a Config is found before anything is compiled.
func ExampleConfigError() {
	dir := exampleModule()
	defer os.RemoveAll(dir)
	_, err := buildkit.Resolve(context.Background(), exampleInputs(dir, buildkit.Config{Ports: []string{"http"}, Origin: "magefile.go:9"}))
	var mistake *buildkit.ConfigError
	fmt.Println(errors.As(err, &mistake))
	fmt.Println(err)
	// Output:
	// true
	// planning image "hello": describing the image (magefile.go:9): exposing the port "http": it is not a number from 1 to 65535
	// fix: write it like "8080" or "53/udp"
}

// Explain says why each file is in the image.
func ExampleResult_Explain() {
	ctx := context.Background()
	dir := exampleModule()
	defer os.RemoveAll(dir)
	plans, err := buildkit.Resolve(ctx, exampleInputs(dir, buildkit.Config{Dirs: []config.Dir{{Path: "/var/cache/hello"}}, Origin: "magefile.go:9"}))
	if err != nil {
		log.Fatal(err)
	}
	built, err := buildkit.Build(ctx, plans[0], nil)
	if err != nil {
		log.Fatal(err)
	}
	defer built.Close()
	for _, e := range built.Explain().Entries {
		if e.Layer != "system" {
			fmt.Printf("%s %s %d:%d %s: %s\n", e.Layer, e.Mode, e.UID, e.GID, e.Path, e.Reason)
		}
	}
	// Output:
	// program 0755 0:0 /hello: the program
	// files 0755 0:0 /var: parent folder
	// files 0755 0:0 /var/cache: parent folder
	// files 0755 65534:65534 /var/cache/hello: configured at magefile.go:9
}

// Images are built and used side by side, a few at a time.
func ExampleBuildEach() {
	ctx := context.Background()
	dir := exampleModule()
	defer os.RemoveAll(dir)
	plans, err := buildkit.Resolve(ctx, exampleInputs(dir, buildkit.Config{Name: "a"}, buildkit.Config{Name: "b"}))
	if err != nil {
		log.Fatal(err)
	}
	seen := make(chan string, len(plans))
	err = buildkit.BuildEach(ctx, plans, nil, func(_ context.Context, built *buildkit.Result) error {
		seen <- built.Plan.Name
		return nil
	})
	close(seen)
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Println(names, err)
	// Output:
	// [a b] <nil>
}

// Images are written into one OCI layout; the platforms of an image become one index.
func ExampleLayoutAll() {
	ctx := context.Background()
	dir := exampleModule()
	defer os.RemoveAll(dir)
	plans, err := buildkit.Resolve(ctx, exampleInputs(dir, buildkit.Config{Platforms: []string{"linux/amd64", "linux/arm64"}}))
	if err != nil {
		log.Fatal(err)
	}
	err = buildkit.BuildGroups(ctx, plans, nil, func(ctx context.Context, built []*buildkit.Result) error {
		written, err := buildkit.LayoutAll(ctx, built, filepath.Join(dir, "layout"))
		for _, name := range written {
			fmt.Println(len(built), strings.TrimPrefix(name, dir))
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 2 /layout
}

// Docker Hub has no repositories without a user, so nobody can push the default name.
func ExamplePushable() {
	dir := exampleModule()
	defer os.RemoveAll(dir)
	plans, err := buildkit.Resolve(context.Background(), exampleInputs(dir))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(buildkit.Pushable(plans))
	// Output:
	// the image "hello" (default) has no registry to be pushed to: its reference is hello:latest
	// fix: set Repo in the Config, or IMAGE_REPO, to a repository like "registry.example/acme/hello"
}

func ExampleSize() {
	fmt.Println(buildkit.Size(999), buildkit.Size(1_234_567))
	// Output:
	// 999 B 1.2 MB
}

// exampleInputs returns the inputs of a build in a folder, for amd64 so that the output is the same on every machine.
func exampleInputs(dir string, configs ...buildkit.Config) buildkit.Inputs {
	for i := range configs {
		if len(configs[i].Platforms) == 0 {
			configs[i].Platforms = []string{"linux/amd64"}
		}
		configs[i].Build.Cgo = "off"
	}
	return buildkit.Inputs{Dir: dir, Environ: os.Environ(), Configs: configs}
}

// exampleModule makes a module with a small program in a new folder.
func exampleModule() string {
	dir, err := os.MkdirTemp("", "fromscratch-example-")
	if err != nil {
		log.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		log.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod": `module example.com/hello

go 1.23
`,
		"main.go": `package main

func main() { println("hello") }
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	return dir
}

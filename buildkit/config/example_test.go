package config_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// Each value of a plan names its origin: the Config, or a default.
func ExampleConfig() {
	dir := module(map[string]string{"cmd/server/main.go": program})
	defer os.RemoveAll(dir)
	plan := resolve(dir, config.Config{
		Main: "./cmd/server", Repo: "registry.example/acme/server", Ports: []string{"8080"}, Env: map[string]string{"MODE": "fast"},
	})
	for _, v := range plan.Values {
		switch v.Name {
		case "program", "reference", "env", "user":
			fmt.Printf("%s = %s (%s)\n", v.Name, v.Value, v.Origin)
		}
	}
	// Output:
	// program = /server (discovered)
	// reference = registry.example/acme/server:latest (repository: magefile.go:9, tag: default)
	// user = 65534:65534 (nobody) (default)
	// env = HOME=/data (home of the user)
	// env = MODE (magefile.go:9)
}

// A function that generates code runs before the programs are looked for.
func ExampleConfig_before() {
	dir := module(nil)
	defer os.RemoveAll(dir)
	plan := resolve(dir, config.Config{Build: config.Build{Before: func(_ context.Context, b config.BuildInfo) error {
		return os.WriteFile(filepath.Join(b.Dir, "main.go"), []byte(program), 0o644)
	}}})
	fmt.Println(plan.Main.ImportPath)
	// Output:
	// example.com/hello
}

// Files, folders and accounts go into the image with the owners and modes that the Config gives them.
func ExampleFile() {
	dir := module(map[string]string{"main.go": program, "www/index.html": "<h1>Hello</h1>\n", "conf/a.toml": "port = 8080\n"})
	defer os.RemoveAll(dir)
	explain(resolve(dir, config.Config{
		Files: []config.File{
			{From: "www", To: "/srv/www"},
			{From: "conf/*.toml", To: "/etc/hello/", Owner: "web", Mode: 0o400},
		},
		Users: []config.User{{Name: "web", UID: 1000}},
		User:  "web",
	}))
	// Output:
	// 0755 0 0 /etc/hello
	// 0400 1000 1000 /etc/hello/a.toml
	// 0755 0 0 /srv
	// 0755 0 0 /srv/www
	// 0644 0 0 /srv/www/index.html
}

// An empty folder belongs to the user who runs the program.
func ExampleDir() {
	dir := module(map[string]string{"main.go": program})
	defer os.RemoveAll(dir)
	explain(resolve(dir, config.Config{Dirs: []config.Dir{{Path: "/cache"}, {Path: "/secret", Owner: "root", Mode: 0o700}}}))
	// Output:
	// 0755 65534 65534 /cache
	// 0700 0 0 /secret
}

const program = `package main

func main() { println("hello") }
`

// resolve plans the one image of a Config, for amd64 so that the output is the same on every machine.
func resolve(dir string, c config.Config) buildkit.Plan {
	c.Platforms, c.Build.Cgo, c.Origin = []string{"linux/amd64"}, config.CgoOff, "magefile.go:9"
	in := buildkit.Inputs{Dir: dir, Environ: os.Environ(), Configs: []config.Config{c}, Prepare: true}
	plans, err := buildkit.Resolve(context.Background(), in)
	if err != nil {
		log.Fatal(err)
	}
	return plans[0]
}

// explain builds an image and prints what of it comes from the Config.
func explain(plan buildkit.Plan) {
	built, err := buildkit.Build(context.Background(), plan, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer built.Close()
	for _, e := range built.Explain().Entries {
		if e.Layer == "files" {
			fmt.Println(e.Mode, e.UID, e.GID, e.Path)
		}
	}
}

// module makes a module with files in a new folder.
func module(files map[string]string) string {
	dir, err := os.MkdirTemp("", "fromscratch-example-")
	if err != nil {
		log.Fatal(err)
	}
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	write("go.mod", "module example.com/hello\n\ngo 1.23\n")
	for name, text := range files {
		write(name, text)
	}
	return dir
}

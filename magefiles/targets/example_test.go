package targets_test

import (
	"context"
	"os"
	"os/exec"

	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

// In a magefile this is a variable: var _ = targets.Configure(…). One Config is one image.
func ExampleConfigure() {
	targets.Configure(
		targets.Config{Main: "./cmd/server", Repo: "registry.example/acme/server", Ports: []string{"8080"}},
		targets.Config{Main: "./cmd/worker", Env: map[string]string{"QUEUE": os.Getenv("QUEUE")}},
	)
}

// In a target that calls another one, Configure says what is built: func Release() { targets.Configure(…); mg.Deps(targets.ImagePush) }.
// It adds to the Configs that are there.
func ExampleConfigure_inTarget() {
	release := func(ctx context.Context) error {
		targets.Configure(targets.Config{Repo: "registry.example/acme/server", Tags: targets.Tags{"{{.Git.Tag}}"}})
		return targets.ImagePush(ctx)
	}
	_ = release
}

// A static binary, whatever the packages want.
func ExampleConfig_static() {
	targets.Configure(targets.Config{Build: targets.Build{Cgo: targets.CgoOff}})
}

// A cgo program with the system's SQLite, and a library that it opens by a name that is only known at run time.
func ExampleConfig_cgo() {
	targets.Configure(targets.Config{
		Build:     targets.Build{Tags: []string{"libsqlite3"}, Env: map[string]string{"CGO_CFLAGS": "-O2"}},
		Libraries: []string{"libsqlite3odbc.so"},
	})
}

// A cgo program that is compiled in a container, with the libraries of that image.
func ExampleConfig_container() {
	targets.Configure(targets.Config{Build: targets.Build{Container: "golang:1.26-bookworm", Secrets: []string{"GITHUB_TOKEN"}}})
}

// Files, an account, a folder and time zones.
func ExampleConfig_files() {
	targets.Configure(targets.Config{
		Files:     []targets.File{{From: "templates", To: "/srv/templates"}, {From: "conf/*.toml", To: "/etc/app/", Owner: "web", Mode: 0o400}},
		Dirs:      []targets.Dir{{Path: "/cache"}},
		Users:     []targets.User{{Name: "web", UID: 1000}},
		User:      "web",
		Timezones: []string{"Europe/Berlin"},
	})
}

// Two images of one program, which share its layer. With IMAGE_TAG=1.2 they are app:1.2 and app:1.2-debug.
func ExampleConfig_variants() {
	targets.Configure(
		targets.Config{Main: "./cmd/app", Repo: "registry.example/acme/app"},
		targets.Config{
			Main: "./cmd/app", Repo: "registry.example/acme/app", Name: "app-debug", Program: "/app", TagSuffix: "-debug",
			Env: map[string]string{"LOG": "debug"},
		},
	)
}

// One image for two platforms, with another C compiler and another file for one of them.
func ExampleConfig_platforms() {
	targets.Configure(targets.Config{
		Platforms: []string{"linux/amd64", "linux/arm64"},
		Build:     targets.Build{EnvFor: map[string]map[string]string{"linux/arm64": {"CC": "aarch64-linux-gnu-gcc"}}},
		Files:     []targets.File{{From: "firmware/arm64.bin", To: "/lib/firmware/app.bin", Platforms: []string{"linux/arm64"}}},
	})
}

// Tags, labels, the date and the version in the program come from git.
func ExampleConfig_git() {
	targets.Configure(targets.Config{
		Tags:    targets.Tags{"{{or .Git.Tag .Git.ShortCommit}}", "latest"},
		Created: targets.CommitTime,
		Labels:  map[string]string{"org.opencontainers.image.revision": "{{.Git.Commit}}{{if .Git.Dirty}}-dirty{{end}}"},
		Build:   targets.Build{LDFlags: "-X main.version={{.Git.Describe}}"},
		Push:    targets.Push{Annotations: targets.AnnotationsGit},
	})
}

// Functions around the compiler: one makes what the program embeds, the other signs the program.
func ExampleBuild_functions() {
	targets.Configure(targets.Config{Build: targets.Build{
		Before: func(ctx context.Context, b targets.BuildInfo) error {
			cmd := exec.CommandContext(ctx, "npm", "run", "build")
			cmd.Dir, cmd.Env = b.Dir+"/web", append(os.Environ(), "VERSION="+b.Version)
			return cmd.Run()
		},
		After: func(ctx context.Context, b targets.BuildInfo) error {
			return exec.CommandContext(ctx, "sign", "--platform", b.Platform, b.Binary).Run()
		},
	}})
}

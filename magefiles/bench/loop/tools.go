package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// The tools of others that are compiled here when they are measured, pinned. They
// are no dependency of ours. Newer releases of buildx need modules that their own
// sources do not name by a released version.
const (
	koVersion     = "v0.19.1"
	buildxVersion = "v0.29.1"
)

// tools are where compiled tools lie, "" before they are needed.
type tools struct{ koPath, buildxConfig string }

// koCommand gives the ko command.
func (b *bench) koCommand(ctx context.Context) (string, error) {
	if b.tools.koPath != "" {
		return b.tools.koPath, nil
	}
	path := filepath.Join(b.dir, "bin", "ko")
	if err := b.compileTool(ctx, path, "github.com/google/ko", koVersion); err != nil {
		return "", err
	}
	b.tools.koPath = path
	return path, nil
}

// buildx gives a configuration folder of the docker command with buildx in it.
func (b *bench) buildx(ctx context.Context) (string, error) {
	if b.tools.buildxConfig != "" {
		return b.tools.buildxConfig, nil
	}
	config := filepath.Join(b.dir, "bin", "docker")
	plugin := filepath.Join(config, "cli-plugins", "docker-buildx")
	if err := b.compileTool(ctx, plugin, "github.com/docker/buildx/cmd/buildx", buildxVersion); err != nil {
		return "", err
	}
	b.tools.buildxConfig = config
	return config, nil
}

// compileTool compiles a command from the module proxy, in a module of its own:
// "go install" refuses those with exclude directives.
func (b *bench) compileTool(ctx context.Context, to, pkg, version string) error {
	b.say("compiling %s %s, which takes minutes the first time", pkg, version)
	dir, err := os.MkdirTemp(b.dir, "tool")
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"go", "mod", "init", "example.com/tool"},
		{"go", "get", pkg + "@" + version},
		{"go", "build", "-trimpath", "-ldflags=-s -w", "-o", to, pkg},
	} {
		if _, err := b.call(ctx, command{dir: dir, env: []string{"CGO_ENABLED=0"}, args: args}); err != nil {
			return fmt.Errorf("compiling %q: %w", pkg, err)
		}
	}
	return os.RemoveAll(dir)
}

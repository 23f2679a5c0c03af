package main

import (
	"context"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// koVersion is the pinned version of ko to compile and measure. It is not a dependency of fromscratch.
const koVersion = "v0.19.1"

// tools are the paths of compiled tools, "" until they are needed.
type tools struct{ koPath, buildxConfig string }

// koCommand returns the ko command.
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

// buildx returns a configuration folder for the docker command that contains buildx.
func (b *bench) buildx(ctx context.Context) (string, error) {
	if b.tools.buildxConfig != "" {
		return b.tools.buildxConfig, nil
	}
	config := filepath.Join(b.dir, "bin", "docker")
	plugin := filepath.Join(config, "cli-plugins", "docker-buildx")
	if err := b.compileTool(ctx, plugin, measure.BuildxPackage, measure.BuildxVersion); err != nil {
		return "", err
	}
	b.tools.buildxConfig = config
	return config, nil
}

func (b *bench) compileTool(ctx context.Context, to, pkg, version string) error {
	b.say("compiling %s %s, which takes minutes the first time", pkg, version)
	return measure.CompileTool(ctx, b.environment(nil), b.dir, to, pkg, version)
}

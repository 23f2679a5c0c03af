package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// BuildxVersion is the docker command's BuildKit client that is compiled where the
// machine has none. Newer releases need modules that their own sources do not name
// by a released version.
const BuildxVersion = "v0.29.1"

// BuildxPackage is its command.
const BuildxPackage = "github.com/docker/buildx/cmd/buildx"

// CompileTool compiles a command from the module proxy, in a module of its own
// below temp: "go install" refuses those with exclude directives.
func CompileTool(ctx context.Context, environ []string, temp, to, pkg, version string) (err error) {
	dir, err := os.MkdirTemp(temp, "tool")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	environ = append(environ[:len(environ):len(environ)], "CGO_ENABLED=0")
	for _, args := range [][]string{
		{"go", "mod", "init", "example.com/tool"},
		{"go", "get", pkg + "@" + version},
		{"go", "build", "-trimpath", "-ldflags=-s -w", "-o", to, pkg},
	} {
		if _, err := Output(Command(ctx, dir, environ, args...)); err != nil {
			return fmt.Errorf("compiling %q: %w", pkg, err)
		}
	}
	return nil
}

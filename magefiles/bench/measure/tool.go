package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// BuildxVersion is the version of the docker command's BuildKit client to compile if the machine has none. Newer
// releases need modules whose released versions their own sources do not name.
const BuildxVersion = "v0.29.1"

// BuildxPackage is the package of that client.
const BuildxPackage = "github.com/docker/buildx/cmd/buildx"

// CompileTool compiles a command from the module proxy, in its own module below temp. "go install" would refuse modules
// with exclude directives.
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

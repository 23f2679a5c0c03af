package recipe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Site is the place where a recipe is built in one way: its own copy of the source.
type Site struct {
	*Workshop
	recipe recipe
	way    Way
	dir    string // folder of the source
	env    []string
	build  []string // build command
	id     string   // ID of the last image
}

// Site makes a site for a recipe and a way.
func (w *Workshop) Site(ctx context.Context, name string, way Way) (*Site, error) {
	r, err := find(name)
	if err != nil {
		return nil, err
	}
	if !r.onHost {
		if err := w.makeGoImage(ctx); err != nil {
			return nil, err
		}
	}
	s := &Site{Workshop: w, recipe: r, way: way, dir: filepath.Join(w.dir, name+"-"+string(way), name)}
	s.env = []string{"SSL_CERT_FILE=" + w.bundle}
	if err := s.copySource(); err != nil {
		return nil, err
	}
	if way == Ours {
		err = s.addTargets(ctx)
	} else {
		err = s.addRecipe(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("setting up %s, %s: %w", name, way, err)
	}
	return s, nil
}

// Reference returns the name of the image.
func (s *Site) Reference() string {
	return s.Prefix + s.recipe.name + "-" + string(s.way) + ":latest"
}

// Describe returns the recipe and the way, for tables.
func (s *Site) Describe() string {
	return s.recipe.name + ", " + string(s.way)
}

// addRecipe prepares the copy for the recipe. It removes the magefile, which a recipe's author would not have.
func (s *Site) addRecipe(ctx context.Context) error {
	if err := os.Remove(filepath.Join(s.dir, "magefile.go")); err != nil {
		return err
	}
	if s.recipe.vendored {
		if _, err := s.run(ctx, s.dir, nil, "go", "mod", "vendor"); err != nil {
			return err
		}
	}
	// Attestations would be work that other ways do not do, and change the image each time.
	s.env = append(s.env, "IMAGE="+s.Reference(), "GO_IMAGE="+s.goImage(), "BUILDX_NO_DEFAULT_ATTESTATIONS=1", "DOCKER_BUILDKIT=0")
	if s.way == BuildKit {
		s.env[len(s.env)-1] = "DOCKER_BUILDKIT=1"
		if err := s.mountCaches(); err != nil {
			return err
		}
	}
	s.build = []string{"./recipe.sh"}
	if _, err := os.Stat(filepath.Join(s.dir, "recipe.sh")); errors.Is(err, os.ErrNotExist) {
		s.build = []string{"docker", "build", "-t", s.Reference(), "--build-arg", "GO_IMAGE=" + s.goImage(), "."}
	}
	return nil
}

// mountCaches adds a cache mount to each "go build" of a Dockerfile. The classic builder has no such mounts.
func (s *Site) mountCaches() error {
	path := filepath.Join(s.dir, "Dockerfile")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	mount := "RUN --mount=type=cache,id=" + s.Prefix + s.recipe.name + ",target=/root/.cache/go-build "
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if command, is := strings.CutPrefix(line, "RUN "); is && strings.Contains(command, "go build") {
			lines[i] = mount + command
		}
	}
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644)
}

// Build builds the image.
func (s *Site) Build(ctx context.Context) error {
	_, err := s.run(ctx, s.dir, s.env, s.build...)
	return err
}

// Built must be called after each Build. It reports whether the image has changed, and removes the previous one.
func (s *Site) Built(ctx context.Context) (changed bool, err error) {
	id, err := s.docker(ctx, "image", "inspect", "--format", "{{.Id}}", s.Reference())
	if err != nil {
		return false, err
	}
	before := s.id
	s.id = id
	if before == "" || before == id {
		return before != id, nil
	}
	return true, s.remove(ctx, "image", "rm", before)
}

// Size returns the size of the image in the engine, in bytes.
func (s *Site) Size(ctx context.Context) (int64, error) {
	size, err := s.docker(ctx, "image", "inspect", "--format", "{{.Size}}", s.Reference())
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(size, 10, 64)
}

// Edit changes a line of the program.
func (s *Site) Edit(edition string) error {
	return writeFile(filepath.Join(s.dir, "edition.go"), fmt.Sprintf("package main\n\n// edition is the line that changes.\nconst edition = %q\n", edition))
}

// Forget removes the image and the output of earlier builds, but not the Go build cache or BuildKit's own cache, whose
// entries have no name.
func (s *Site) Forget(ctx context.Context) error {
	err := s.remove(ctx, "image", "rm", "-f", s.Reference())
	if s.id != "" {
		err = errors.Join(err, s.remove(ctx, "image", "rm", s.id))
	}
	s.id = ""
	for _, name := range []string{"dist", "app"} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, name)))
	}
	return errors.Join(err, s.removeStages(ctx))
}

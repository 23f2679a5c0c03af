package recipe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// copySource copies the program and the files that all programs share, and makes a module of them.
func (s *Site) copySource() error {
	from := filepath.Join(s.Root, "magefiles", "bench", "recipes", "testdata")
	if err := os.CopyFS(s.dir, os.DirFS(filepath.Join(from, s.recipe.name))); err != nil {
		return err
	}
	for _, name := range []string{"checks.go", "edition.go"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(s.dir, name), string(text)); err != nil {
			return err
		}
	}
	var sums []byte
	if s.way == Ours || s.recipe.requires != "" {
		for _, name := range []string{"go.sum", "examples/hello/go.sum", "examples/sqlite/go.sum"} {
			sum, err := os.ReadFile(filepath.Join(s.Root, filepath.FromSlash(name)))
			if err != nil {
				return err
			}
			sums = append(sums, sum...)
		}
	}
	mod := "module example.com/" + s.recipe.name + "\n\ngo 1.24.0\n"
	if s.recipe.requires != "" {
		version, err := s.required()
		if err != nil {
			return err
		}
		mod += "\nrequire " + s.recipe.requires + " " + version + "\n"
	}
	return errors.Join(writeFile(filepath.Join(s.dir, "go.sum"), string(sums)), writeFile(filepath.Join(s.dir, "go.mod"), mod))
}

// required returns the version of the recipe's module in a go.mod of this repository, whose checksum is known.
func (s *Site) required() (string, error) {
	path := filepath.Join(s.Root, filepath.FromSlash(s.recipe.of))
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	mod, err := modfile.Parse(path, text, nil)
	if err != nil {
		return "", err
	}
	for _, r := range mod.Require {
		if r.Mod.Path == s.recipe.requires {
			return r.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("looking for %q in %q: it is not required there", s.recipe.requires, path)
}

// writeFile writes a file and creates its parent folders.
func writeFile(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644)
}

const (
	targets    = "github.com/fromscratch-go/fromscratch/magefiles/targets"
	mageModule = "github.com/magefile/mage"
)

// addTargets turns the copy into a user's module, with the targets replaced by those of the repository, and compiles
// its magefile.
func (s *Site) addTargets(ctx context.Context) error {
	magefile := filepath.Join(s.dir, "magefile.go")
	text, err := os.ReadFile(magefile)
	if err != nil {
		return err
	}
	text = []byte(strings.ReplaceAll(string(text), "golang:1.26-bookworm", s.goImage()))
	if err := os.WriteFile(magefile, text, 0o644); err != nil {
		return err
	}
	for _, name := range []string{"Dockerfile", ".dockerignore", "recipe.sh"} {
		if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
			return err
		}
	}
	compiled := filepath.Join(filepath.Dir(s.dir), "magefile")
	steps := [][]string{
		{"go", "mod", "edit", "-require=" + targets + "@v0.0.0", "-replace=" + targets + "=" + filepath.Join(s.Root, "magefiles", "targets"), "-tool=" + mageModule},
		// "go mod tidy" would need the modules for tests of dependencies.
		{"go", "list", "-mod=mod", "-deps", "-tags=mage", "./...", "tool"},
		{"go", "tool", "mage", "-compile", compiled},
	}
	for _, args := range steps {
		if _, err := s.run(ctx, s.dir, nil, args...); err != nil {
			return err
		}
	}
	repo, _, _ := strings.Cut(s.Reference(), ":")
	s.env = append(s.env, "IMAGE_REPO="+repo)
	s.build = []string{compiled, "image"}
	return nil
}

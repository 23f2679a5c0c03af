package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	targets    = "github.com/fromscratch-go/fromscratch/magefiles/targets"
	mageModule = "github.com/magefile/mage"
)

// plainMagefile is the complete magefile of a user without options.
const plainMagefile = `//go:build mage

package main

//mage:import
import _ "` + targets + `"
`

// addTargets turns a plain module into a user's module. It adds a magefile and its requirements in go.mod, with the
// targets replaced by those of the repository.
func (b *bench) addTargets(ctx context.Context, dir, magefile string) error {
	if err := writeFile(filepath.Join(dir, "magefile.go"), magefile); err != nil {
		return err
	}
	// The repository knows the checksums of all requirements, so none has to be fetched.
	if err := appendFile(filepath.Join(dir, "go.sum"), filepath.Join(b.root, "examples", "hello", "go.sum")); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"go", "mod", "edit", "-require=" + targets + "@v0.0.0", "-replace=" + targets + "=" + filepath.Join(b.root, "magefiles", "targets"), "-tool=" + mageModule},
		// "go mod tidy" would need the modules for tests of dependencies.
		{"go", "list", "-mod=mod", "-deps", "-tags=mage", "./...", "tool"},
	} {
		if _, err := b.call(ctx, command{dir: dir, args: args}); err != nil {
			return fmt.Errorf("adding the targets to a module: %w", err)
		}
	}
	return nil
}

// copyFiles copies the named files from one folder to another.
func copyFiles(from, to string, names ...string) error {
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(to, name), string(content)); err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies a module of this repository, which contains no links.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		return copyFiles(from, to, rel)
	})
}

// writeFile writes a file and creates its parent folders.
func writeFile(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644)
}

func appendFile(path, from string) (err error) {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

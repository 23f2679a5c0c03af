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
	ourModule  = "github.com/fromscratch-go/fromscratch"
	mageModule = "github.com/magefile/mage"
)

// plainMagefile is the whole magefile of a user without wishes.
const plainMagefile = `//go:build mage

package main

//mage:import
import _ "` + ourModule + `/magefiles/targets"
`

// addTargets makes a user's module of a plain one: a magefile, and in go.mod what
// it needs, with our own module taken from the repository.
func (b *bench) addTargets(ctx context.Context, dir, magefile string) error {
	if err := writeFile(filepath.Join(dir, "magefile.go"), magefile); err != nil {
		return err
	}
	// The sums of what is needed are known here; nothing has to be asked for.
	for _, from := range []string{"go.sum", "examples/hello/go.sum"} {
		if err := appendFile(filepath.Join(dir, "go.sum"), filepath.Join(b.root, from)); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"go", "mod", "edit", "-require=" + ourModule + "@v0.0.0", "-replace=" + ourModule + "=" + b.root, "-tool=" + mageModule},
		// "go mod tidy" would want the modules that tests of others need.
		{"go", "list", "-mod=mod", "-deps", "-tags=mage", "./...", "tool", ourModule + "/magefiles/fromscratch"},
	} {
		if _, err := b.call(ctx, command{dir: dir, args: args}); err != nil {
			return fmt.Errorf("adding the targets to a module: %w", err)
		}
	}
	return nil
}

// copyFiles copies files of one folder to another.
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

// copyTree copies a module of ours, which has no links in it.
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

// writeFile writes a file and the folders above it.
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

// Package embedded compiles programs whose source is part of this program. They run in containers, so their platform may be
// another one than that of this machine. Its input is a [Program], its output the compiled file for a platform.
package embedded

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
)

// Program is the source of a program.
type Program struct {
	Name   string // the compiled files in the cache begin with it
	Module string // path of the module that has the files
	Main   string // folder of the main package in the module
	Files  fs.FS  // of the module, without go.mod; they import the standard library and each other
}

// Compile returns the program for a platform, static and without cgo. The go command g compiles it in a module of its own, whatever
// the folder of g, and only if the cache does not have it. The cache is a folder; files in it are safe to remove.
func (p Program) Compile(ctx context.Context, g gobuild.Go, cache string, t gobuild.Target) (program []byte, err error) {
	sum, err := p.sum()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(cache, fmt.Sprintf("%s-%s-%s", p.Name, sum, strings.ReplaceAll(t.String(), "/", "-")))
	if text, err := record.ReadSealed(file); err == nil {
		return []byte(text), nil
	}
	work, err := os.MkdirTemp(cache, "."+p.Name+"-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	source := filepath.Join(work, "source")
	if err := os.CopyFS(source, p.Files); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(source, "go.mod"), []byte("module "+p.Module+"\n\ngo 1.23\n"), 0o644); err != nil {
		return nil, err
	}
	g.Dir, g.Env = source, slices.Concat(g.Env, []string{"GOWORK=off", "GOFLAGS=-mod=readonly"}) // an empty GOFLAGS would not hide a stored one
	made, err := g.Build(ctx, gobuild.Request{
		Main: gobuild.Main{ImportPath: p.Module + "/" + p.Main}, Output: filepath.Join(work, p.Name), Target: t,
		Options: gobuild.Options{CGO: gobuild.Off},
	})
	if err != nil {
		return nil, err
	}
	if program, err = os.ReadFile(made.Path); err != nil {
		return nil, err
	}
	return program, dist.Replace(file, record.Seal(string(program)))
}

// sum returns the checksum of the names and contents of all files.
func (p Program) sum() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(p.Files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(p.Files, name)
		fmt.Fprintf(h, "%q %q\n", name, content)
		return err
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// importBuilder makes an image to compile Go programs in, with this machine's toolchain and the modules that the program
// needs.
func (s *site) importBuilder(ctx context.Context, ref string) error {
	s.say("%s: importing a builder image", s.program.name)
	goroot, err := s.run(ctx, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	modules := filepath.Join(s.work, "modules")
	if err := s.collectModules(ctx, modules); err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeBuilder(w, goroot, modules)) }()
	repo, tag, _ := strings.Cut(ref, ":")
	query := url.Values{"fromSrc": {"-"}, "repo": {repo}, "tag": {tag}}
	if err := errors.Join(s.engine.send(ctx, "/images/create", query, r), r.Close()); err != nil {
		return fmt.Errorf("importing the builder image %q: %w", ref, err)
	}
	return os.RemoveAll(modules)
}

// collectModules makes a module cache with only the modules that the program is compiled from. The user's cache has all
// of them.
func (s *site) collectModules(ctx context.Context, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	cache, err := s.run(ctx, "go", "env", "GOMODCACHE")
	if err != nil {
		return err
	}
	proxy := (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(cache, "cache", "download"))}).String()
	_, err = s.call(ctx, command{
		dir:  s.dir,
		env:  []string{"GOMODCACHE=" + to, "GOPROXY=" + proxy, "GOSUMDB=off", "CGO_ENABLED=0"},
		args: []string{"go", "list", "-modcacherw", "-deps", "."},
	})
	return err
}

// writeBuilder writes the root of the builder image as a tar.
func writeBuilder(to io.Writer, goroot, modules string) error {
	w := tar.NewWriter(to)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}); err != nil {
		return err
	}
	for _, name := range []string{"go.env", "VERSION", "bin", "pkg", "src"} {
		if err := addTree(w, filepath.Join(goroot, name), path.Join("usr/local/go", name)); err != nil {
			return err
		}
	}
	if err := addTree(w, modules, "modules"); err != nil {
		return err
	}
	return w.Close()
}

// addTree adds a file or a folder to a tar. It leaves out the zip files of a module cache, because the modules in it are
// also unpacked.
func addTree(w *tar.Writer, from, name string) error {
	return filepath.WalkDir(from, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() && (!e.Type().IsRegular() || strings.HasSuffix(p, ".zip")) {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		return addFile(w, p, path.Join(name, filepath.ToSlash(rel)), e)
	})
}

func addFile(w *tar.Writer, from, name string, e fs.DirEntry) (err error) {
	info, err := e.Info()
	if err != nil {
		return err
	}
	if e.IsDir() {
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755})
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: int64(info.Mode().Perm()), Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return errors.Join(err, f.Close())
}

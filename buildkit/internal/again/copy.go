package again

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
)

// checkout returns the folder to copy for a build in dir: that of the git repository, of the workspace or of the module, whichever has the
// others in it. A git repository around the user's home does not count: it has settings, and would be all that the user has.
func checkout(dir, home string) string {
	root := dir
	for _, name := range []string{"go.mod", "go.work", ".git"} {
		for d := dir; ; d = filepath.Dir(d) {
			if fsx.Exists(filepath.Join(d, name)) {
				if fsx.Within(d, root) && (home == "" || !fsx.Within(d, home)) {
					root = d
				}
				break
			}
			if d == filepath.Dir(d) {
				break
			}
		}
	}
	return root
}

// copyTree copies a folder: files with their permissions, and links as they are. It leaves out what builds have written to dist/, files that
// this user may not read, special files, and some folders.
func copyTree(ctx context.Context, from, to string, except []string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case e.IsDir() && path != from && (slices.Contains(except, path) || dist.Folder(path).Ours()):
			return filepath.SkipDir
		case e.IsDir():
			return copyFolder(path, target)
		case e.Type() == fs.ModeSymlink:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case e.Type().IsRegular():
			// Nobody changes an object of git. A copy that is a link needs no space.
			if strings.Contains(filepath.ToSlash(path), "/.git/objects/") && os.Link(path, target) == nil {
				return nil
			}
			return copyFile(ctx, path, target)
		}
		return nil
	})
}

// copyFolder makes a folder with the permissions of another one, and those that the copy needs.
func copyFolder(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	return os.Chmod(to, info.Mode().Perm()|0o700)
}

func copyFile(ctx context.Context, from, to string) (err error) {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close() // only read
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, fsx.Reader(ctx, in))
	return errors.Join(err, out.Chmod(info.Mode().Perm()), out.Close())
}

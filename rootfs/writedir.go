package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
)

// WriteDir writes the tree into a folder of the host, for people to look at, and removes everything from it
// that the tree does not name. It makes the folder if needed; the folder must not be a link.
//
// Files that are right already are left alone, so a second call writes nothing. A file is right if its
// size, its mode and either its time or its bytes are those of its source. A file of the tree that is its
// own source, a program that was built in place, is never touched. Every file is written to a temporary
// name and renamed, so an interrupted call leaves only whole files.
//
// The folder differs from the image, because the caller need not be root: all files belong to the caller,
// folders are always open to their owner, and setuid, setgid and sticky bits are left out. So are capabilities,
// even if the caller is root: every user of this machine who may execute the file would have them. WriteDir follows
// no links in the folder, so no link can make it write or remove anything outside of the folder.
func (t *Tree) WriteDir(ctx context.Context, dir string) error {
	if err := makeRoot(dir); err != nil {
		return fmt.Errorf("writing the file tree to %q: %w", dir, err)
	}
	w := &writer{tree: t, root: dir}
	err := w.writeFolder(ctx, t.root())
	err = errors.Join(err, w.close(ctx))
	if err == nil {
		// Remove last: an unwanted file may be the source of another one.
		err = w.prune(ctx, t.root())
	}
	if err != nil {
		return fmt.Errorf("writing the file tree to %q: %w", dir, err)
	}
	return nil
}

// root returns the node of "/", even for the zero Tree.
func (t *Tree) root() *node {
	if n := t.nodes["/"]; n != nil {
		return n
	}
	return &node{Entry: rootEntry}
}

// makeRoot makes the folder, or checks that the existing one is a folder.
func makeRoot(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return withoutPath(os.MkdirAll(dir, 0o755))
	}
	if err != nil {
		return withoutPath(err)
	}
	if !info.IsDir() {
		return fmt.Errorf("it is a %s\nfix: remove it", kindOf(info.Mode().Type()))
	}
	return openFolderMode(dir, info)
}

// writer is a call of WriteDir.
type writer struct {
	tree *Tree
	root string
	temp string // folder for files that are being written, "" before the first one
}

// on returns the path on disk for a path of the image.
func (w *writer) on(p string) string { return filepath.Join(w.root, filepath.FromSlash(p)) }

// children returns the nodes in a folder, sorted.
func (w *writer) children(n *node) []*node {
	var list []*node
	for _, name := range keys(n.children) {
		list = append(list, w.tree.nodes[path.Join(n.Path, name)])
	}
	return list
}

// writeFolder writes the content of an existing folder.
func (w *writer) writeFolder(ctx context.Context, folder *node) error {
	for _, n := range w.children(folder) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.writeNode(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// writeNode writes an entry. The caller has just checked that the parent is a folder and not a link.
func (w *writer) writeNode(ctx context.Context, n *node) error {
	at := w.on(n.Path)
	have, err := os.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) {
		have, err = nil, nil
	}
	// Remove what is there if it has another type. A planted link is removed itself, not its target.
	if err == nil && have != nil && have.Mode().Type() != n.Mode.Type() {
		err = remove(ctx, at)
		have = nil
	}
	if err == nil {
		switch n.Mode.Type() {
		case fs.ModeDir:
			err = writeDir(n.Entry, at, have)
		case fs.ModeSymlink:
			err = w.writeLink(n.Entry, at, have)
		default:
			err = w.writeFile(ctx, n.Entry, at, have)
		}
	}
	if err != nil {
		return fmt.Errorf("%q: %w", n.Path, withoutPath(err))
	}
	if n.Mode.IsDir() {
		return w.writeFolder(ctx, n)
	}
	return nil
}

// ownerMode is the permissions that the owner of a folder needs to write into it and to remove it later.
const ownerMode = 0o700

// writeDir makes a folder, or sets the mode of an existing one.
func writeDir(e Entry, at string, have fs.FileInfo) error {
	mode := e.Mode.Perm() | ownerMode
	if have == nil {
		if err := os.Mkdir(at, mode); err != nil {
			return err
		}
	} else if samePerm(have.Mode(), mode) {
		return nil
	}
	return os.Chmod(at, mode) // Mkdir applies the umask
}

// openFolderMode gives the owner of a folder the missing permissions: an earlier run, or somebody else, may
// have left it read-only.
func openFolderMode(at string, have fs.FileInfo) error {
	if have.Mode()&ownerMode == ownerMode {
		return nil
	}
	return os.Chmod(at, have.Mode().Perm()|ownerMode)
}

// samePerm compares permissions as far as the host supports them: Windows knows only "read-only". WriteDir
// never sets the bits above the permissions, so if a file has them, somebody else set them and the modes
// differ.
func samePerm(a, b fs.FileMode) bool {
	if runtime.GOOS == "windows" {
		return a&0o200 == b&0o200
	}
	return a.Perm() == b.Perm() && a&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) == 0
}

// prune removes everything that the tree does not name.
func (w *writer) prune(ctx context.Context, folder *node) error {
	at := w.on(folder.Path)
	entries, err := os.ReadDir(at)
	if err != nil {
		return fmt.Errorf("%q: %w", folder.Path, withoutPath(err))
	}
	for _, d := range entries {
		if folder.children[d.Name()] {
			continue
		}
		if err := remove(ctx, filepath.Join(at, d.Name())); err != nil {
			return fmt.Errorf("removing %q: %w", path.Join(folder.Path, d.Name()), withoutPath(err))
		}
	}
	for _, n := range w.children(folder) {
		if !n.Mode.IsDir() {
			continue
		}
		if err := w.prune(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// remove removes a file, a link itself, or a folder with its content. Unlike os.RemoveAll it also removes
// read-only folders.
func remove(ctx context.Context, at string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	info, err := os.Lstat(at)
	if err != nil {
		return err
	}
	if info.IsDir() {
		if err := removeContent(ctx, at, info); err != nil {
			return err
		}
	}
	return os.Remove(at)
}

// removeContent empties a folder. The caller has just checked that it is a folder and not a link.
func removeContent(ctx context.Context, at string, info fs.FileInfo) error {
	if err := openFolderMode(at, info); err != nil {
		return err
	}
	entries, err := os.ReadDir(at)
	if err != nil {
		return err
	}
	for _, d := range entries {
		if err := remove(ctx, filepath.Join(at, d.Name())); err != nil {
			return err
		}
	}
	return nil
}

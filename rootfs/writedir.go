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

// WriteDir writes the tree into a folder of the host, for people to look at, and removes from it what
// the tree does not name. The folder is made when it is not there; it must not be a link.
//
// What is right already is left alone, so a second call writes nothing: a file is right when its size,
// its mode and either its time or its bytes are those of its source. A file of the tree that is its own
// source, the program that was built in place, is never touched. Every file is written beside its
// place and renamed: an interrupted call leaves whole files.
//
// The result is a likeness: nobody has to be root, so owners are those of the caller, folders are
// always open to their owner, and setuid, setgid and sticky bits are left out. No link in the folder
// is followed, so that none can lead a write or a removal out of it.
func (t *Tree) WriteDir(ctx context.Context, dir string) error {
	if err := makeRoot(dir); err != nil {
		return fmt.Errorf("writing the file tree to %q: %w", dir, err)
	}
	w := &writer{tree: t, root: dir}
	err := w.writeFolder(ctx, t.root())
	err = errors.Join(err, w.close(ctx))
	if err == nil {
		// Only now: a file that is in nobody's way may be the source of another.
		err = w.prune(ctx, t.root())
	}
	if err != nil {
		return fmt.Errorf("writing the file tree to %q: %w", dir, err)
	}
	return nil
}

// root is the node of "/", which the zero Tree has as well.
func (t *Tree) root() *node {
	if n := t.nodes["/"]; n != nil {
		return n
	}
	return &node{Entry: rootEntry}
}

// makeRoot makes the folder, and makes sure that it is one.
func makeRoot(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return bare(os.MkdirAll(dir, 0o755))
	}
	if err != nil {
		return bare(err)
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
	temp string // folder for files that are being written, "" until the first
}

// on returns where a path of the image is on disk.
func (w *writer) on(p string) string { return filepath.Join(w.root, filepath.FromSlash(p)) }

// children are the nodes in a folder, sorted.
func (w *writer) children(n *node) []*node {
	var list []*node
	for _, name := range keys(n.children) {
		list = append(list, w.tree.nodes[path.Join(n.Path, name)])
	}
	return list
}

// writeFolder writes what is in a folder that is there.
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

// writeNode writes an entry. Its parent has just been seen to be a folder: so no link is passed.
func (w *writer) writeNode(ctx context.Context, n *node) error {
	at := w.on(n.Path)
	have, err := os.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) {
		have, err = nil, nil
	}
	// Something of another kind is in the way. A planted link is such a thing where a file or folder has
	// to be: it is removed itself, not what it leads to.
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
		return fmt.Errorf("%q: %w", n.Path, bare(err))
	}
	if n.Mode.IsDir() {
		return w.writeFolder(ctx, n)
	}
	return nil
}

// ownerMode is what the owner of a folder has to have, to write into it now and remove it later.
const ownerMode = 0o700

// writeDir makes a folder, or gives one that is there its mode.
func writeDir(e Entry, at string, have fs.FileInfo) error {
	mode := e.Mode.Perm() | ownerMode
	if have == nil {
		if err := os.Mkdir(at, mode); err != nil {
			return err
		}
	} else if samePerm(have.Mode(), mode) {
		return nil
	}
	return os.Chmod(at, mode) // Mkdir's is cut by the umask
}

// openFolderMode gives the owner what is missing to write into a folder: an earlier run, or someone,
// may have left it read-only.
func openFolderMode(at string, have fs.FileInfo) error {
	if have.Mode()&ownerMode == ownerMode {
		return nil
	}
	return os.Chmod(at, have.Mode().Perm()|ownerMode)
}

// samePerm compares permissions, as far as the host has them: Windows knows only "read-only". The bits
// above them, which WriteDir never sets, make a difference when someone else has set them.
func samePerm(a, b fs.FileMode) bool {
	if runtime.GOOS == "windows" {
		return a&0o200 == b&0o200
	}
	return a.Perm() == b.Perm() && a&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) == 0
}

// prune removes what the tree does not name.
func (w *writer) prune(ctx context.Context, folder *node) error {
	at := w.on(folder.Path)
	entries, err := os.ReadDir(at)
	if err != nil {
		return fmt.Errorf("%q: %w", folder.Path, bare(err))
	}
	for _, d := range entries {
		if folder.children[d.Name()] {
			continue
		}
		if err := remove(ctx, filepath.Join(at, d.Name())); err != nil {
			return fmt.Errorf("removing %q: %w", path.Join(folder.Path, d.Name()), bare(err))
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

// remove removes a file, a link itself, or a folder with all that is in it. Unlike os.RemoveAll it
// can do so when folders are read-only.
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

// removeContent empties a folder, which has just been seen to be none but a folder.
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

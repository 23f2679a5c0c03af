package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// addFiles adds what the user wants to have in the image.
func (a *assembly) addFiles(ctx context.Context) error {
	for _, f := range a.Files {
		if f.Reason == "" {
			f.Reason = "one of Files"
		}
		if err := a.take(ctx, f); err != nil {
			return fmt.Errorf("taking %q (%s): %w", f.From, f.Reason, err)
		}
	}
	return nil
}

// take adds one [File]: what its From stands for.
func (a *assembly) take(ctx context.Context, f File) error {
	if err := checkTo(f.To); err != nil {
		return err
	}
	t := taking{assembly: a, file: f}
	// Before the files are looked for: the user hears of a mistyped owner at once.
	owners, err := a.owners()
	if err != nil {
		return err
	}
	if t.uid, t.gid, err = ParseOwner(f.Owner, owners); err != nil {
		return err
	}
	matches, err := a.match(f.From)
	if err != nil {
		return err
	}
	for _, m := range matches {
		if err := t.add(ctx, m, len(matches) > 1); err != nil {
			return err
		}
	}
	return nil
}

// checkTo says why a target is none.
func checkTo(to string) error {
	const fix = "\nfix: write it like \"/etc/app.conf\", or \"/etc/\" for the folder that the file goes into"
	switch {
	case to == "":
		return errors.New("the target To is empty" + fix)
	case !path.IsAbs(to):
		return fmt.Errorf("the target %q is not absolute"+fix, to)
	case to != "/" && path.Clean(to) != strings.TrimSuffix(to, "/"):
		return fmt.Errorf("the target %q has \"..\", \".\" or \"//\" in it"+fix, to)
	}
	return nil
}

// taking is a File on its way into the tree.
type taking struct {
	*assembly
	file     File
	uid, gid int
}

// add adds a match, a file or a folder; several go into To under their own names.
func (t taking) add(ctx context.Context, match string, several bool) error {
	// What From names is followed even where it is a link, as cp -H does: its name is the user's word for
	// what the link leads to. Links further down are part of the content and stay.
	real, err := filepath.EvalSymlinks(match)
	if err != nil {
		return fmt.Errorf("reading %q: %w\nfix: correct the link, or leave it out", match, bare(err))
	}
	info, err := os.Lstat(real)
	if err != nil {
		return fmt.Errorf("reading %q: %w", real, bare(err))
	}
	to := path.Clean(t.file.To)
	if several || !info.IsDir() && strings.HasSuffix(t.file.To, "/") {
		to = path.Join(to, filepath.Base(match))
	}
	if info.IsDir() {
		return t.addTree(ctx, real, to)
	}
	if at, err := t.tree.Stat(inFS(to)); err == nil && at.IsDir() {
		return fmt.Errorf("%q is a folder of the image\nfix: write To as %q", to, strings.TrimSuffix(to, "/")+"/")
	}
	return t.addOne(real, to, info)
}

// addTree adds a folder and all that is in it, hidden files too: nobody knows better than the user what
// belongs to it. Links are not followed, so the walk ends and stays in the folder.
func (t taking) addTree(ctx context.Context, folder, to string) error {
	if err := t.checkNotOwn(folder); err != nil {
		return err
	}
	return filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading %q: %w", name, bare(err))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(folder, name)
		if err != nil {
			return err
		}
		at := path.Join(to, filepath.ToSlash(rel))
		info, err := d.Info()
		switch {
		case err != nil:
			return fmt.Errorf("reading %q: %w", name, bare(err))
		case info.IsDir():
			return t.addFolder(at)
		case info.Mode().Type() == fs.ModeSymlink:
			return t.addSymlink(folder, rel, at)
		}
		return t.addOne(name, at, info)
	})
}

// checkNotOwn keeps the program that is being built out of its own files: each image would carry the
// one before, and grow.
func (t taking) checkNotOwn(folder string) error {
	if t.Binary == "" {
		return nil
	}
	in, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	binary, err := filepath.Abs(t.Binary)
	if err != nil {
		return err
	}
	// The folder is without links, so the binary has to be; where it is not there yet, it stays as is.
	if real, err := filepath.EvalSymlinks(binary); err == nil {
		binary = real
	}
	if rel, err := filepath.Rel(in, binary); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("the folder has the image's own program in it, %q\n"+
			"fix: name the folders and files that the image needs, one by one", filepath.ToSlash(rel))
	}
	return nil
}

// addFolder adds a folder. One that is in the image already stays as it is, unless owner or mode are
// asked for: /data keeps its owner when files are put into it.
func (t taking) addFolder(at string) error {
	if at == "/" {
		return nil
	}
	if t.file.Owner == "" && t.file.Mode == 0 {
		if info, err := t.tree.Stat(inFS(at)); err == nil && info.IsDir() {
			return nil
		}
	}
	e := t.entry(at)
	e.Mode = fs.ModeDir | 0o755
	if t.file.Mode != 0 {
		// x where r; the bits above the permissions mean something else for a folder
		e.Mode = fs.ModeDir | t.file.Mode.Perm() | t.file.Mode&0o444>>2
	}
	return t.put(e)
}

// addOne adds a file of the host. Modes are normalised, for the umask of whoever checked the files out
// must not show in the image.
func (t taking) addOne(name, at string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%q is a %s, which an image cannot have\n"+
			"fix: remove it, or name the files that the image needs one by one", name, kindOf(info.Mode().Type()))
	}
	e := t.entry(at)
	e.Mode, e.Source = 0o644, HostFile(name)
	if info.Mode()&0o100 != 0 {
		e.Mode = 0o755
	}
	if t.file.Mode != 0 {
		e.Mode = fileMode(t.file.Mode)
	}
	return t.put(e)
}

// addSymlink adds a link of a folder as it is, when it leads to somewhere in the folder. In the image
// another one would lead to nothing, or to a file of the image that it was not meant for.
func (t taking) addSymlink(folder, rel, at string) error {
	target, err := os.Readlink(filepath.Join(folder, rel))
	if err != nil {
		return fmt.Errorf("reading %q: %w", rel, bare(err))
	}
	if err := stays(folder, rel, target); err != nil {
		return fmt.Errorf("the link %q leads to %q: %w\n"+
			"fix: let the link lead to a relative path inside of the folder, or replace it by what it leads to",
			filepath.ToSlash(rel), target, err)
	}
	e := t.entry(at)
	e.Mode, e.Link = fs.ModeSymlink, filepath.ToSlash(target)
	return t.put(e)
}

// put adds an entry; the File's name and reason are in front of the error anyway.
func (t taking) put(e Entry) error {
	if err := t.tree.add(e); err != nil {
		return fmt.Errorf("adding %q: %w", e.Path, err)
	}
	return nil
}

// entry is what all entries of a File have in common.
func (t taking) entry(at string) Entry {
	return Entry{Path: at, UID: t.uid, GID: t.gid, Layer: Files, Reason: t.file.Reason}
}

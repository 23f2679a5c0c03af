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

// addFiles adds the user's files.
func (a *assembly) addFiles(ctx context.Context) error {
	for _, f := range a.Files {
		if f.Reason == "" {
			f.Reason = "one of Files"
		}
		if err := a.addUserFile(ctx, f); err != nil {
			return fmt.Errorf("copying %q (%s): %w", f.From, f.Reason, err)
		}
	}
	return nil
}

// addUserFile adds what the From of one [File] names.
func (a *assembly) addUserFile(ctx context.Context, f File) error {
	if err := checkTo(f.To); err != nil {
		return err
	}
	c := fileCopy{assembly: a, file: f}
	// Check the owner before looking for files, so that a typo in it is reported at once.
	owners, err := a.owners()
	if err != nil {
		return err
	}
	if c.uid, c.gid, err = ParseOwner(f.Owner, owners); err != nil {
		return err
	}
	matches, err := a.match(f.From)
	if err != nil {
		return err
	}
	for _, m := range matches {
		if err := c.add(ctx, m, len(matches) > 1); err != nil {
			return err
		}
	}
	return nil
}

// checkTo returns an error if To is not a valid target.
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

// fileCopy is a File that is being added to the tree.
type fileCopy struct {
	*assembly
	file     File
	uid, gid int
}

// add adds a match, a file or a folder. If there are several, each goes into To under its own name.
func (c fileCopy) add(ctx context.Context, match string, several bool) error {
	// Follow the match even if it is a link, as cp -H does: the user means the link's target. Links further
	// down are part of the content and stay links.
	real, err := filepath.EvalSymlinks(match)
	if err != nil {
		return fmt.Errorf("reading %q: %w\nfix: correct the link, or leave it out", match, withoutPath(err))
	}
	info, err := os.Lstat(real)
	if err != nil {
		return fmt.Errorf("reading %q: %w", real, withoutPath(err))
	}
	to := path.Clean(c.file.To)
	if several || !info.IsDir() && strings.HasSuffix(c.file.To, "/") {
		to = path.Join(to, filepath.Base(match))
	}
	if info.IsDir() && c.file.Capabilities != 0 {
		return fmt.Errorf("%q is a folder, and only the file of a program has Capabilities\n"+
			"fix: give the program a File of its own, with its Capabilities", match)
	}
	if info.IsDir() {
		return c.addTree(ctx, real, to)
	}
	if at, err := c.tree.Stat(inFS(to)); err == nil && at.IsDir() {
		return fmt.Errorf("%q is a folder of the image\nfix: write To as %q", to, strings.TrimSuffix(to, "/")+"/")
	}
	return c.addOne(real, to, info)
}

// addTree adds a folder with all its content, including hidden files: only the user knows what belongs to
// it. It does not follow links, so the walk ends and stays in the folder.
func (c fileCopy) addTree(ctx context.Context, folder, to string) error {
	if err := c.checkNotOwnProgram(folder); err != nil {
		return err
	}
	return filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading %q: %w", name, withoutPath(err))
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
			return fmt.Errorf("reading %q: %w", name, withoutPath(err))
		case info.IsDir():
			return c.addFolder(at)
		case info.Mode().Type() == fs.ModeSymlink:
			return c.addSymlink(folder, rel, at)
		}
		return c.addOne(name, at, info)
	})
}

// checkNotOwnProgram rejects a folder that has the program of this build in it: each image would contain
// the previous one, and grow.
func (c fileCopy) checkNotOwnProgram(folder string) error {
	if c.Binary == "" {
		return nil
	}
	in, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	binary, err := filepath.Abs(c.Binary)
	if err != nil {
		return err
	}
	// The folder's path has no links, so resolve those of the binary too. A binary that does not exist yet keeps its path.
	if real, err := filepath.EvalSymlinks(binary); err == nil {
		binary = real
	}
	if rel, err := filepath.Rel(in, binary); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("the folder has the image's own program in it, %q\n"+
			"fix: name the folders and files that the image needs, one by one", filepath.ToSlash(rel))
	}
	return nil
}

// addFolder adds a folder. If the image already has it, it is unchanged unless the File sets an owner or a
// mode: /data keeps its owner when files are put into it.
func (c fileCopy) addFolder(at string) error {
	if at == "/" {
		return nil
	}
	if c.file.Owner == "" && c.file.Mode == 0 {
		if info, err := c.tree.Stat(inFS(at)); err == nil && info.IsDir() {
			return nil
		}
	}
	e := c.entry(at)
	e.Mode = fs.ModeDir | 0o755
	if c.file.Mode != 0 {
		// An x for each r. The bits above the permissions mean something else for a folder, so leave them out.
		e.Mode = fs.ModeDir | c.file.Mode.Perm() | c.file.Mode&0o444>>2
	}
	return c.put(e)
}

// addOne adds a file of the host. It normalises the mode, because the umask of the user who checked the
// files out must not show in the image.
func (c fileCopy) addOne(name, at string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%q is a %s, which an image cannot have\n"+
			"fix: remove it, or name the files that the image needs one by one", name, kindOf(info.Mode().Type()))
	}
	e := c.entry(at)
	e.Mode, e.Source = 0o644, HostFile(name)
	if info.Mode()&0o100 != 0 {
		e.Mode = 0o755
	}
	if c.file.Mode != 0 {
		e.Mode = fileMode(c.file.Mode)
	}
	return c.put(e)
}

// addSymlink adds a link of a folder unchanged if it leads to somewhere in the folder. In the image, any
// other link would lead to nothing, or to a file of the image that it was not meant for.
func (c fileCopy) addSymlink(folder, rel, at string) error {
	target, err := os.Readlink(filepath.Join(folder, rel))
	if err != nil {
		return fmt.Errorf("reading %q: %w", rel, withoutPath(err))
	}
	if err := checkInside(folder, rel, target); err != nil {
		return fmt.Errorf("the link %q leads to %q: %w\n"+
			"fix: make the link relative and keep its target in the folder, or replace it with its target",
			filepath.ToSlash(rel), target, err)
	}
	e := c.entry(at)
	e.Mode, e.Link = fs.ModeSymlink, filepath.ToSlash(target)
	return c.put(e)
}

// put adds an entry. The caller adds the File's name and reason to the error.
func (c fileCopy) put(e Entry) error {
	if err := c.tree.add(e); err != nil {
		return fmt.Errorf("adding %q: %w", e.Path, err)
	}
	return nil
}

// entry returns an entry with the fields that all entries of a File share.
func (c fileCopy) entry(at string) Entry {
	return Entry{Path: at, UID: c.uid, GID: c.gid, Capabilities: c.file.Capabilities, Layer: Files, Reason: c.file.Reason}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// copyTo writes the files and everything that they load to a folder, if they would start in it.
func (o options) copyTo(ctx context.Context, results []result) error {
	if err := o.checkNewFolder(); err != nil {
		return err
	}
	var programs []rootfs.Closing
	for _, r := range results {
		programs = append(programs, rootfs.Closing{Closure: r.closure, File: r.program.File})
	}
	tree, err := rootfs.Closed(ctx, o.sys(), programs...)
	if err != nil {
		return err
	}
	for _, r := range results {
		if err := o.verifyCopy(ctx, tree, r); err != nil {
			return fmt.Errorf("verifying that %q starts in the copy: %w", r.file, err)
		}
	}
	return tree.WriteDir(ctx, o.copy)
}

// verifyCopy resolves a program inside the copy and compares the closures.
func (o options) verifyCopy(ctx context.Context, tree *rootfs.Tree, r result) error {
	inside, err := ldd.Verify(ctx, tree, ldd.Program{Path: r.program.Path, Interpreter: r.program.Interpreter}, ldd.Env{LibraryPath: o.libraryPath})
	if err != nil {
		return err
	}
	return ldd.Compare(ctx, r.closure, inside)
}

// checkNewFolder returns an error if the target folder is not empty, because its content would be deleted.
func (o options) checkNewFolder() error {
	entries, err := os.ReadDir(o.copy)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("copying to %q: %w", o.copy, err)
	case len(entries) > 0:
		return fmt.Errorf("copying to %q: it is not empty\nfix: name a new folder", o.copy)
	}
	return nil
}

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

// copyTo writes the files and all that they load to a folder, when they would start in it.
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

// prove resolves a program inside of the copy; a static one needs nothing.
func (o options) verifyCopy(ctx context.Context, tree *rootfs.Tree, r result) error {
	inside, err := ldd.Verify(ctx, tree, ldd.Program{Path: r.program.Path, Interpreter: r.program.Interpreter}, ldd.Env{LibraryPath: o.libraryPath})
	if err != nil {
		return err
	}
	return ldd.Compare(ctx, r.closure, inside)
}

// free refuses a folder that has something in it: it would be removed.
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

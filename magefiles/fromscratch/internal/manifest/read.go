package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// extensions are the ends of the names of files that are read in a folder, as kubectl does
// (https://github.com/kubernetes/cli-runtime/blob/v0.32.0/pkg/resource/builder.go, FileExtensions).
var extensions = []string{".json", ".yaml", ".yml"}

// Read reads files: those at the paths, and those in folders there, in the order of their names. Folders below are read if recursive
// is set. The path "-" is the input.
func Read(paths []string, recursive bool, input []byte) ([]File, error) {
	var files []File
	for _, path := range paths {
		names, err := expand(path, recursive)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text := input
			if name != "-" {
				if text, err = os.ReadFile(name); err != nil {
					return nil, unreadable(err)
				}
			}
			f, err := Parse(name, text)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	return files, nil
}

// expand returns the files that a path means.
func expand(path string, recursive bool) (names []string, err error) {
	if path == "-" {
		return []string{path}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	// With a separator at its end, the path may also be a link to the folder.
	err = filepath.WalkDir(path+string(filepath.Separator), func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && !recursive && filepath.Clean(name) != filepath.Clean(path):
			return fs.SkipDir
		case !e.IsDir() && slices.Contains(extensions, filepath.Ext(name)):
			names = append(names, filepath.Clean(name))
		}
		return nil
	})
	if err != nil {
		return nil, unreadable(err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("the folder %q has no file whose name ends in .json, .yaml or .yml\nfix: name a folder that has one; -R also reads the folders below", path)
	}
	return names, nil
}

// unreadable is the error for a file that cannot be read.
func unreadable(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading manifests: %w\nfix: name files or folders that are there, from the folder where mage runs", err)
	}
	return fmt.Errorf("reading manifests: %w\nfix: make it a file or a folder that this user may read", err)
}

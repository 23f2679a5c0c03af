package ldd

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// Interface returns a checksum of everything that [Resolve] and [Verify] read from a program's own file: its
// loader, its dependencies and search paths, the symbols and versions that it imports and exports, and its
// dlopen notes. The paths of shared data among its strings are part of it too, see [Closure.SharedData], and if
// it imports a function to open libraries, the strings from which [Closure.Names] takes names. Two builds of a program with the same Interface have the same closure in the same sysroot.
// Code, other data and their addresses are not part of it.
func Interface(name string) (string, error) {
	body, err := openHost(name)
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", name, err)
	}
	sum, err := elf.Interface(body, body.Size)
	if err == nil {
		var texts []string
		if texts, err = openedTexts(body); len(texts) > 0 {
			sum = fmt.Sprintf("%x", sha256.Sum256([]byte(sum+"\x00"+strings.Join(texts, "\x00"))))
		}
	}
	if err = errors.Join(err, body.Close()); err != nil {
		return "", fmt.Errorf("reading %q: %w", name, err)
	}
	return sum, nil
}

// openedTexts returns the strings of a program that may be names of libraries or paths of data.
func openedTexts(body *Content) ([]string, error) {
	f, err := elf.Read(body, body.Size)
	if err != nil {
		return nil, err
	}
	names, err := libraryTexts(f)
	if err != nil {
		return nil, err
	}
	paths, err := f.PathTexts(sharedFolders, isSharedData)
	return append(names, paths...), err
}

// libraryTexts returns the strings of a program that may be names of libraries, sorted. It returns none for a
// program that imports no function to open libraries.
func libraryTexts(f *elf.File) ([]string, error) {
	imports, err := f.Imports(openers)
	if err != nil || len(imports) == 0 {
		return nil, err
	}
	var texts []string
	isGo, err := f.GoTexts(func(text string) bool {
		// What precedes the first possible begin of a name belongs to other strings, and changes with them.
		if starts := nameStarts(text); len(starts) > 0 {
			texts = append(texts, text[starts[0]:])
		}
		return true
	})
	if err == nil && !isGo { // texts has all names of a Go program, those of its C code too
		texts, err = f.LibraryNames()
	}
	slices.Sort(texts)
	return slices.Compact(texts), err
}

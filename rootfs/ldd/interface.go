package ldd

import (
	"errors"
	"fmt"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// Interface returns a checksum of everything that [Resolve] and [Verify] read from a program's own file: its
// loader, its dependencies and search paths, the symbols and versions that it imports and exports, and its
// dlopen notes. Two builds of a program with the same Interface have the same closure in the same sysroot.
// Code, data and their addresses are not part of it, nor are the strings from which [Closure.Names] guesses.
func Interface(name string) (string, error) {
	body, err := openHost(name)
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", name, err)
	}
	sum, err := elf.Interface(body, body.Size)
	if err = errors.Join(err, body.Close()); err != nil {
		return "", fmt.Errorf("reading %q: %w", name, err)
	}
	return sum, nil
}

// Imports returns those of the symbols that a file of this machine imports: its undefined dynamic symbols of any version, in the order
// given. A static program imports none.
func Imports(name string, symbols ...string) ([]string, error) {
	body, err := openHost(name)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	var found []string
	f, err := elf.Read(body, body.Size)
	if err == nil {
		found, err = f.Imports(symbols)
	}
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return found, nil
}

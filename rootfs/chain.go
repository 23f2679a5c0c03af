package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Chain explains why p is in the image. It returns a list of entries that ends with the one at p. Each
// entry needs the next one; the first, usually the program, is there for the image as a whole. Links that p
// goes through come right before their targets.
func (t *Tree) Chain(p string) ([]Entry, error) {
	p = path.Clean(p)
	e, ok := t.Lookup(p)
	if !ok {
		at, err := t.resolve(p)
		if err != nil {
			return nil, fmt.Errorf("explaining %q: %w", p, err)
		}
		if e, ok = t.Lookup(at); !ok {
			return nil, fmt.Errorf("explaining %q: %w\nfix: name a path of the image; imageExplain without arguments lists them", p, fs.ErrNotExist)
		}
	}
	chain := []Entry{e}
	seen := map[string]bool{e.Path: true}
	for e.For != "" {
		at, err := t.resolve(e.For)
		if err != nil {
			break
		}
		if e, ok = t.Lookup(at); !ok || seen[at] {
			break // the tree lacks it, or libraries need each other
		}
		seen[at] = true
		chain = append([]Entry{e}, chain...)
	}
	return chain, nil
}

// Readable returns an error if the user could not open the file at p. As in [access(2)], the user needs the
// x bit of every folder on the way, including those that links go through, and the r bit of the file.
// Loaders report such a file as missing.
//
// [access(2)]: https://man7.org/linux/man-pages/man2/access.2.html
func (t *Tree) Readable(u User, p string) error { return t.checkAccess(u, p, 0o4) }

// Executable is like Readable, but returns an error if the user could not start the file at p.
func (t *Tree) Executable(u User, p string) error { return t.checkAccess(u, p, 0o1) }

// checkAccess walks a path as the kernel does. It requires x of each folder and the wanted bits of the
// file.
func (t *Tree) checkAccess(u User, p string, want fs.FileMode) error {
	at, todo := "/", strings.Split(strings.Trim(p, "/"), "/")
	for links := 0; len(todo) > 0; {
		next := path.Join(at, todo[0])
		todo = todo[1:]
		e, ok := t.Lookup(next)
		switch {
		case next == "/":
		case !ok:
			return fmt.Errorf("%q is not in the image (%q leads there)", next, p)
		case e.Mode.Type() == fs.ModeSymlink:
			if links++; links > maxLinks {
				return errors.New("too many links")
			}
			if path.IsAbs(e.Link) {
				at = "/"
			}
			todo = append(strings.Split(strings.Trim(e.Link, "/"), "/"), todo...)
			continue
		case e.Mode.IsDir():
			if !e.allows(u, 0o1) {
				return e.forbiddenError(u, "enter")
			}
		case len(todo) > 0:
			return fmt.Errorf("%q is a file", next)
		case !e.allows(u, want):
			return e.forbiddenError(u, "open")
		}
		at = next
	}
	return nil
}

// allows reports whether the user has the wanted permissions, by path_resolution(7): for the owner only the
// owner's bits count, even if others may do more. Root may do everything, but can execute a file only if it
// has an x bit.
func (e Entry) allows(u User, want fs.FileMode) bool {
	bits := e.Mode.Perm()
	switch {
	case u.UID == 0:
		return want&0o1 == 0 || e.Mode.IsDir() || bits&0o111 != 0
	case u.UID == e.UID:
		return bits>>6&want == want
	case u.GID == e.GID:
		return bits>>3&want == want
	}
	return bits&want == want
}

// forbiddenError returns the error for an operation that the user may not do.
func (e Entry) forbiddenError(u User, verb string) error {
	return fmt.Errorf("the image's user %d:%d may not %s %q (%s, %s)\nfix: give it another Mode or Owner, or leave it out",
		u.UID, u.GID, verb, e.Path, e, e.Reason)
}

// Dangling returns the tree's links that lead to nothing, sorted. It leaves out links into what a container
// engine mounts, such as /proc/self/fd/1.
func (t *Tree) Dangling() []Entry {
	var found []Entry
	for _, e := range t.Entries() {
		if e.Mode.Type() != fs.ModeSymlink {
			continue
		}
		at, err := t.resolve(e.Path)
		if err != nil || t.nodeAt(at) == nil && !isMounted(at) {
			found = append(found, e)
		}
	}
	return found
}

// isMounted reports whether a container engine provides a path: the default file systems of the runtime
// specification,
// https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config-linux.md#default-filesystems, and the
// three files of every engine.
func isMounted(p string) bool {
	for _, known := range []string{"/proc", "/sys", "/dev", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"} {
		if p == known || strings.HasPrefix(p, known+"/") {
			return true
		}
	}
	return false
}

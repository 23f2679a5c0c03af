package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Chain explains an entry: it returns the entries from the one that is there for the image as a whole, the
// program mostly, down to the one at p. Links that p goes through come right before what they lead to.
func (t *Tree) Chain(p string) ([]Entry, error) {
	p = path.Clean(p)
	e, ok := t.Lookup(p)
	if !ok {
		at, err := t.resolve(p)
		if err != nil {
			return nil, fmt.Errorf("explaining %q: %w", p, err)
		}
		if e, ok = t.Lookup(at); !ok {
			return nil, fmt.Errorf("explaining %q: %w\nfix: name a path that is in the image, as imageExplain without arguments lists them", p, fs.ErrNotExist)
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
			break // for what the tree has not, or libraries that need each other
		}
		seen[at] = true
		chain = append([]Entry{e}, chain...)
	}
	return chain, nil
}

// Readable says why a user could not open the file at p: [access(2)] asks for the x bit of every folder on
// the way, and those of the links, and for the r bit of the file. Loaders report such a file as missing.
//
// [access(2)]: https://man7.org/linux/man-pages/man2/access.2.html
func (t *Tree) Readable(u User, p string) error { return t.permitted(u, p, 0o4) }

// Executable says why a user could not start the file at p, like Readable.
func (t *Tree) Executable(u User, p string) error { return t.permitted(u, p, 0o1) }

// permitted walks as the kernel does, and asks each folder for x and the file for the bits wanted.
func (t *Tree) permitted(u User, p string, want fs.FileMode) error {
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
				return e.forbidden(u, "enter")
			}
		case len(todo) > 0:
			return fmt.Errorf("%q is a file", next)
		case !e.allows(u, want):
			return e.forbidden(u, "open")
		}
		at = next
	}
	return nil
}

// allows looks at the permissions for the user: as path_resolution(7) has it the owner's count for the
// owner, even where others may do more. Root may all but execute what nobody may.
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

// forbidden says who may not do what, and the fix.
func (e Entry) forbidden(u User, verb string) error {
	return fmt.Errorf("the image's user %d:%d may not %s %q (%s, %s)\nfix: give it another Mode or Owner, or leave it out",
		u.UID, u.GID, verb, e.Path, e, e.Reason)
}

// Dangling returns the links of the tree that lead to nothing, sorted. Links into what a container's engine
// mounts, such as /proc/self/fd/1, are not among them.
func (t *Tree) Dangling() []Entry {
	var found []Entry
	for _, e := range t.Entries() {
		if e.Mode.Type() != fs.ModeSymlink {
			continue
		}
		at, err := t.resolve(e.Path)
		if err != nil || t.at(at) == nil && !mounted(at) {
			found = append(found, e)
		}
	}
	return found
}

// mounted tells whether an engine brings a path by itself: the default file systems of the runtime
// specification, https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config-linux.md#default-filesystems,
// and the three files of every engine.
func mounted(p string) bool {
	for _, known := range []string{"/proc", "/sys", "/dev", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"} {
		if p == known || strings.HasPrefix(p, known+"/") {
			return true
		}
	}
	return false
}

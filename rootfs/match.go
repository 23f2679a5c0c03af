package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// match returns the paths on the host that From names, sorted. Without an error there is at least one.
func (s Spec) match(from string) ([]string, error) {
	if from == "" {
		return nil, errors.New("the source From is empty\nfix: name a file, a folder or a pattern")
	}
	name := s.host(from)
	// Try the exact name first: "[id].html" is a common name in web frameworks.
	_, err := os.Lstat(name)
	switch {
	case err == nil:
		return []string{name}, nil
	case !errors.Is(err, fs.ErrNotExist) || !hasMeta(from):
		return nil, fmt.Errorf("reading %q: %w\nfix: create it, or correct From", name, withoutPath(err))
	}
	return s.glob(from)
}

// hasMeta reports whether a name can be a pattern, see [path.Match].
func hasMeta(pattern string) bool { return strings.ContainsAny(pattern, `*?[`) }

// glob expands a pattern. The folder before the pattern is taken literally and may have any name.
func (s Spec) glob(from string) ([]string, error) {
	base, pattern := splitPattern(filepath.ToSlash(from))
	folder := s.host(base)
	names, err := fs.Glob(os.DirFS(folder), pattern)
	if err != nil {
		return nil, fmt.Errorf("reading the pattern: %w\n"+
			"fix: write it as filepath.Match wants it, \"*.conf\" for example", err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no file in %q matches %q\nfix: create the files, or correct the pattern", folder, pattern)
	}
	for i, name := range names {
		names[i] = filepath.Join(folder, filepath.FromSlash(name))
	}
	return names, nil
}

// splitPattern splits a pattern before its first element with a wildcard: "../web/*.css" becomes "../web"
// and "*.css".
func splitPattern(p string) (folder, pattern string) {
	parts := strings.Split(p, "/")
	i := 0
	for !hasMeta(parts[i]) {
		i++
	}
	folder = strings.Join(parts[:i], "/")
	if strings.HasPrefix(p, "/") && folder == "" {
		folder = "/"
	}
	return folder, path.Clean(strings.Join(parts[i:], "/"))
}

// checkInside returns an error if a link leads out of its folder. It follows the folder's own links as the
// kernel does: a ".." after a link goes to the parent of the link's target.
func checkInside(folder, rel, target string) error {
	if isAbs(target) {
		return errors.New("it is absolute")
	}
	at := strings.Split(path.Dir(filepath.ToSlash(rel)), "/")
	if at[0] == "." {
		at = nil
	}
	todo := strings.Split(filepath.ToSlash(target), "/")
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if len(at) == 0 {
				return errors.New("it leaves the folder")
			}
			at = at[:len(at)-1]
			continue
		}
		at = append(at[:len(at):len(at)], name)
		// Links to links count too: the kernel follows them all, path_resolution(7).
		next, err := os.Readlink(filepath.Join(folder, filepath.Join(at...)))
		if err != nil {
			continue // not a link, or nothing there: still inside
		}
		if links++; links > maxLinks {
			return errors.New("it leads back to itself")
		}
		if isAbs(next) {
			return errors.New("it passes a link that leaves the folder")
		}
		at = at[:len(at)-1]
		todo = append(strings.Split(filepath.ToSlash(next), "/"), todo...)
	}
	return nil
}

// isAbs reports whether a link's target is absolute, by the rules of the image or of the host.
func isAbs(target string) bool { return path.IsAbs(target) || filepath.IsAbs(target) }

// Matches returns the paths on the host that the From of a [File] names, sorted. A pattern may match
// several. It fails if there are none.
func (s Spec) Matches(f File) ([]string, error) { return s.match(f.From) }

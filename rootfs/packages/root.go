package packages

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Limits for files that are read as a whole, in bytes. Debian's status of a full installation has 10 MB, a
// list of files 2 MB.
const (
	maxStatus = 256 << 20
	maxList   = 64 << 20
	maxTexts  = 256 << 20 // all files together; a desktop has 60 MB
	maxLines  = 8 << 20   // lines of all files together; a desktop has a million
)

// root reads files of a sysroot.
type root struct {
	sys    ldd.FS
	budget *readBudget
}

// newRoot returns a root with nothing read.
func newRoot(sys ldd.FS) root {
	return root{sys, &readBudget{seen: map[string]bool{}, left: maxTexts, lines: maxLines}}
}

// maxPackages limits the number of packages. All of Debian has 70,000.
const maxPackages = 1 << 17

// checkPackages returns an error if a database has too many packages.
func checkPackages(n int) error {
	if n > maxPackages {
		return fmt.Errorf("more than %d packages", maxPackages)
	}
	return nil
}

// readBudget limits how much is read of a root: thousands of lists may be links to one file, or sparse.
// Lines are limited too, because a path of two bytes takes many times as much memory. It is safe for
// concurrent use.
type readBudget struct {
	mu    sync.Mutex
	seen  map[string]bool
	left  int64 // remaining bytes
	lines int   // remaining lines
}

// take subtracts a file from the budget, once for each file.
func (b *readBudget) take(name string, size int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[name] {
		return nil
	}
	if size > b.left {
		return fmt.Errorf("reading %q: the files of the package database have more than %d bytes together", name, maxTexts)
	}
	b.seen[name] = true
	b.left -= size
	return nil
}

// takeLines subtracts the lines of a file from the budget, once for each file.
func (b *readBudget) takeLines(name, text string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[name+"\n"] {
		return nil
	}
	n := strings.Count(text, "\n")
	if n > b.lines {
		return fmt.Errorf("reading %q: the files of the package database have more than %d lines together", name, maxLines)
	}
	b.seen[name+"\n"] = true
	b.lines -= n
	return nil
}

// find returns the name of the first path that exists, with links resolved, or "" if none does.
func (r root) find(paths ...string) (string, error) {
	for _, p := range paths {
		real, _, err := ldd.Follow(r.sys, p)
		if err == nil {
			return relative(real), nil
		}
		// A dangling link, or a file instead of a folder, means that there is no database. If permission is
		// denied, there may be one.
		if errors.Is(err, fs.ErrPermission) {
			return "", err
		}
	}
	return "", nil
}

// relative converts an absolute, clean path to a name in io/fs.
func relative(name string) string {
	if name == "/" {
		return "."
	}
	return strings.TrimPrefix(name, "/")
}

// read returns the content of a file in a folder. The folder's name must have no links.
func (r root) read(dir, base string, limit int64) (string, error) {
	name := path.Join(dir, base)
	given := name
	info, err := r.sys.Lstat(name)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		var real string
		if real, _, err = ldd.Follow(r.sys, "/"+name); err == nil {
			name = relative(real)
			info, err = r.sys.Lstat(name)
		}
	}
	if err != nil {
		return "", err
	}
	// Check the type before opening the file: opening a FIFO waits for its writer.
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("reading %q: not a regular file (%s)", name, info.Mode().Type())
	}
	if info.Size() > limit {
		return "", fmt.Errorf("reading %q: %d bytes are more than the limit of %d", name, info.Size(), limit)
	}
	if err := r.budget.take(given, info.Size()); err != nil {
		return "", err
	}
	text, err := r.content(name, info.Size())
	if err == nil {
		err = r.budget.takeLines(given, text)
	}
	if err != nil {
		return "", err
	}
	return text, nil
}

// content reads size bytes of a file, or fewer if it is shorter.
func (r root) content(name string, size int64) (text string, err error) {
	f, err := r.sys.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buf := make([]byte, size)
	n, err := io.ReadFull(f, buf)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return string(buf[:n]), err
}

// names lists a folder, sorted. It returns nothing if the sysroot can't list folders.
func (r root) names(dir string) (names []string, err error) {
	f, err := r.sys.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, nil
	}
	list, err := d.ReadDir(-1)
	for _, e := range list {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, err
}

// alias is a folder that is a link to another one.
type alias struct{ link, real string }

// mergedDirs are folders that distributions have turned into links, while packages still list their files under
// the old names: https://wiki.debian.org/UsrMerge,
// https://fedoraproject.org/wiki/Changes/Unify_bin_and_sbin.
var mergedDirs = []string{
	"/bin", "/lib", "/lib32", "/lib64", "/libo32", "/libx32", "/sbin",
	"/usr/bin", "/usr/lib64", "/usr/sbin", "/var/lock", "/var/run",
}

// aliases returns the mergedDirs that are links in the sysroot.
func (r root) aliases() []alias {
	var out []alias
	for _, link := range mergedDirs {
		if real, _, err := ldd.Follow(r.sys, link); err == nil && real != link {
			out = append(out, alias{link + "/", real + "/"})
		}
	}
	return out
}

// canonical returns the path in this sysroot of a file in a list: if /lib is a link, /lib/libc.so.6 becomes
// /usr/lib/libc.so.6.
func (db *DB) canonical(name string) string {
	for _, a := range db.aliases {
		if rest, ok := strings.CutPrefix(name, a.link); ok {
			return a.real + rest
		}
	}
	return name
}

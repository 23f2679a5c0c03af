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

// Bounds on what is read whole. Debian's status of a machine with everything on it has 10 MB, a list
// of files 2 MB.
const (
	maxStatus = 256 << 20
	maxList   = 64 << 20
	maxTexts  = 256 << 20 // of all files together; those of a desktop have 60 MB
	maxLines  = 8 << 20   // of all files together; those of a desktop have a million
)

// root reads files of a sysroot.
type root struct {
	sys  ldd.FS
	text *texts
}

// newRoot returns a root of which nothing was read.
func newRoot(sys ldd.FS) root {
	return root{sys, &texts{seen: map[string]bool{}, left: maxTexts, lines: maxLines}}
}

// maxPackages bounds how many packages there are. All of Debian has 70,000.
const maxPackages = 1 << 17

// checkPackages refuses a database with more packages than there are.
func checkPackages(n int) error {
	if n > maxPackages {
		return fmt.Errorf("more than %d packages", maxPackages)
	}
	return nil
}

// texts bounds what is read of a root: thousands of lists may be links to one, or have holes. A line of two bytes costs
// many times as much memory when it is the path of a file. It is for many at once.
type texts struct {
	mu    sync.Mutex
	seen  map[string]bool
	left  int64 // bytes
	lines int   // that may still be read
}

// take counts a file once, however often it is read.
func (t *texts) take(name string, size int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen[name] {
		return nil
	}
	if size > t.left {
		return fmt.Errorf("reading %q: the files of the package database have more than %d bytes together", name, maxTexts)
	}
	t.seen[name] = true
	t.left -= size
	return nil
}

// takeLines counts the lines of a file once, however often it is read.
func (t *texts) takeLines(name, text string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen[name+"\n"] {
		return nil
	}
	n := strings.Count(text, "\n")
	if n > t.lines {
		return fmt.Errorf("reading %q: the files of the package database have more than %d lines together", name, maxLines)
	}
	t.seen[name+"\n"] = true
	t.lines -= n
	return nil
}

// find returns the name, free of links, of the first of some paths that exists; "" when none does.
func (r root) find(paths ...string) (string, error) {
	for _, p := range paths {
		real, _, err := ldd.Follow(r.sys, p)
		if err == nil {
			return relative(real), nil
		}
		// Whatever else is in the way, a link to nowhere or a file in the place of a folder: there is
		// no database then. What must not be looked at may well be one.
		if errors.Is(err, fs.ErrPermission) {
			return "", err
		}
	}
	return "", nil
}

// relative returns the io/fs name of an absolute, clean path.
func relative(name string) string {
	if name == "/" {
		return "."
	}
	return strings.TrimPrefix(name, "/")
}

// read returns the content of a file in a folder; the folder's name has no link in it.
func (r root) read(dir, base string, limit int64) (string, error) {
	name := path.Join(dir, base)
	asked := name
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
	// Looked at before it is opened: opening a FIFO waits for its writer.
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("reading %q: not a regular file (%s)", name, info.Mode().Type())
	}
	if info.Size() > limit {
		return "", fmt.Errorf("reading %q: %d bytes are more than the %d expected at most", name, info.Size(), limit)
	}
	if err := r.text.take(asked, info.Size()); err != nil {
		return "", err
	}
	text, err := r.content(name, info.Size())
	if err == nil {
		err = r.text.takeLines(asked, text)
	}
	if err != nil {
		return "", err
	}
	return text, nil
}

// content reads size bytes of a file, or as many as there are.
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

// names lists a folder in the order of its names. A folder that the sysroot cannot list is empty.
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

// merged are folders that distributions have turned into links over the years, while packages go on
// listing their files under the old names: https://wiki.debian.org/UsrMerge,
// https://fedoraproject.org/wiki/Changes/Unify_bin_and_sbin.
var merged = []string{
	"/bin", "/lib", "/lib32", "/lib64", "/libo32", "/libx32", "/sbin",
	"/usr/bin", "/usr/lib64", "/usr/sbin", "/var/lock", "/var/run",
}

// aliases returns which of these are links in the sysroot.
func (r root) aliases() []alias {
	var out []alias
	for _, link := range merged {
		if real, _, err := ldd.Follow(r.sys, link); err == nil && real != link {
			out = append(out, alias{link + "/", real + "/"})
		}
	}
	return out
}

// canonical returns the path that a file of a list has in this sysroot: of /lib/libc.so.6 this is
// /usr/lib/libc.so.6 where /lib is a link, and nothing else where it is none.
func (db *DB) canonical(name string) string {
	for _, a := range db.aliases {
		if rest, ok := strings.CutPrefix(name, a.link); ok {
			return a.real + rest
		}
	}
	return name
}

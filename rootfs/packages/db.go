package packages

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// The kinds of packages.
const (
	Deb = "deb"
	APK = "apk"
	RPM = "rpm"
)

// Package is an installed package. It is comparable: two are equal when they are the same package.
type Package struct {
	Kind         string // "deb", "apk" or "rpm"
	Name         string // "libc6"
	Version      string // as the distribution writes it: "1:1.2.13.dfsg-1", "3.0.7-18.el9_2"
	Architecture string // in the distribution's words: "amd64", "x86_64", "all", "noarch"
	// Source is the name of the source package that it was built from, and SourceVersion its version.
	// "glibc" for libc6. apk does not keep the version, "".
	Source        string
	SourceVersion string
	// Licence is what apk and rpm say, mostly an SPDX expression. dpkg does not know: see [DB.Copyright].
	Licence string
}

// String returns name, version and architecture: "libc6 2.36-9 (amd64)".
func (p Package) String() string { return p.Name + " " + p.Version + " (" + p.Architecture + ")" }

// entry is an installed package with its files.
type entry struct {
	Package
	// list returns the files, absolute, as the database spells them. Folders are left out where the
	// database tells them from files. The slice is the caller's.
	list func() ([]string, error)
}

// DB are the package databases of a sysroot. It may be used by several goroutines at once.
type DB struct {
	root    root
	entries []entry // by kind, name, architecture, version
	aliases []alias // folders that are links nowadays

	read   sync.Once
	lists  [][]string // of files, for each entry
	owners [2]index   // of most files, and of those below /usr/share

	mu   sync.Mutex
	errs []error
}

// Open reads which packages are installed in a sysroot; whose files are whose is read when it is asked
// for. A sysroot without any database gives an empty DB: nothing in it belongs to a package. A database
// that is there and makes no sense is an error.
func Open(sys ldd.FS) (*DB, error) {
	db := &DB{root: newRoot(sys)}
	odd := "" // the first name that is none
	for _, read := range []func(root) ([]entry, error){readDeb, readDistroless, readAPK, readRPM} {
		entries, err := read(db.root)
		var unread *unreadError
		switch {
		case errors.As(err, &unread):
			db.fail(err)
		case err != nil:
			return nil, err
		}
		for _, e := range entries {
			if !e.namesFiles() {
				if odd == "" {
					odd = e.Name
				}
				continue
			}
			db.entries = append(db.entries, e)
		}
	}
	if odd != "" {
		db.fail(fmt.Errorf("the package database has a package %q: its name is none, and it is left out", odd))
	}
	slices.SortStableFunc(db.entries, func(a, b entry) int { return compare(a.Package, b.Package) })
	db.aliases = db.root.aliases()
	return db, nil
}

// namesFiles reports whether name and architecture can be parts of a file's name, as those of the lists and of the
// copyright file: no distribution has a slash or a control character in them.
func (p Package) namesFiles() bool {
	isOdd := func(r rune) bool { return r == '/' || r == utf8.RuneError || unicode.IsControl(r) }
	return !strings.ContainsFunc(p.Name, isOdd) && !strings.ContainsFunc(p.Architecture, isOdd) && p.Name != "." && p.Name != ".."
}

// compare orders packages.
func compare(a, b Package) int {
	return cmp.Or(
		strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name),
		strings.Compare(a.Architecture, b.Architecture), strings.Compare(a.Version, b.Version),
	)
}

// All returns what is installed, ordered by kind, name and architecture.
func (db *DB) All() []Package {
	out := make([]Package, len(db.entries))
	for i, e := range db.entries {
		out[i] = e.Package
	}
	return out
}

// Lookup returns the package of a name, "libc6" or, where several architectures are installed,
// "libc6:amd64". Of several that fit it is the first of [DB.All].
func (db *DB) Lookup(name string) (Package, bool) {
	name, arch, _ := strings.Cut(name, ":")
	for _, e := range db.entries {
		if e.Name == name && (arch == "" || arch == e.Architecture) {
			return e.Package, true
		}
	}
	return Package{}, false
}

// Owner returns the package that a file belongs to. The path is absolute. Links in its folders are
// resolved, and so is the file itself if it is a link that no package has: ldconfig's, for example, or
// one of update-alternatives(1).
//
// The first call reads all lists of files. Of several owners, as the architectures of one package may
// be, it is the first of [DB.All].
func (db *DB) Owner(name string) (Package, bool) {
	db.read.Do(func() { db.lists = db.allFiles() })
	name = path.Clean(name)
	if p, ok := db.lookup(name); ok {
		return p, true
	}
	if dir, _, err := ldd.Follow(db.root.sys, path.Dir(name)); err == nil {
		if p, ok := db.lookup(path.Join(dir, path.Base(name))); ok {
			return p, true
		}
	}
	real, _, err := ldd.Follow(db.root.sys, name)
	if err != nil {
		return Package{}, false
	}
	return db.lookup(real)
}

// lookup asks the index that a path belongs to.
func (db *DB) lookup(name string) (Package, bool) {
	name = db.canonical(name)
	n := indexOf(name)
	x := &db.owners[n]
	x.once.Do(func() { x.fill(n, db.lists) })
	i, ok := x.owner[name]
	if !ok {
		return Package{}, false
	}
	return db.entries[i].Package, true
}

// index leads from paths to entries. It is made when it is first asked.
type index struct {
	once  sync.Once
	owner map[string]int
}

// indexOf is the number of the index for a path. Two files of three are below /usr/share, and who asks
// about libraries need not wait for them.
func indexOf(name string) int {
	if strings.HasPrefix(name, "/usr/share/") {
		return 1
	}
	return 0
}

// fill makes an index.
func (x *index) fill(n int, lists [][]string) {
	// Few packages have fewer files than this, and a map that grows is most of the work.
	x.owner = make(map[string]int, 64*len(lists))
	// The last first: of several owners the first one stays.
	for i := len(lists) - 1; i >= 0; i-- {
		for _, name := range lists[i] {
			if indexOf(name) == n {
				x.owner[name] = i
			}
		}
	}
}

// allFiles reads all lists, as many at a time as there are processors: a thousand files are opened.
func (db *DB) allFiles() [][]string {
	lists := make([][]string, len(db.entries))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := next.Add(1) - 1; i < int64(len(lists)); i = next.Add(1) - 1 {
				lists[i] = db.files(int(i))
			}
		}()
	}
	wg.Wait()
	return lists
}

// Files returns the files of a package, sorted, where they are in a sysroot in which /lib is a link to
// /usr/lib. Not all of them need be there: images leave out manuals and translations. A package that is
// not installed has none.
func (db *DB) Files(p Package) []string {
	for i, e := range db.entries {
		if e.Package == p {
			files := db.files(i)
			slices.Sort(files)
			return slices.Compact(files)
		}
	}
	return nil
}

// files returns the files of an entry in canonical spelling.
func (db *DB) files(i int) []string {
	list, err := db.entries[i].list()
	if err != nil {
		db.fail(err)
	}
	for j, name := range list {
		list[j] = db.canonical(name)
	}
	return list
}

// Copyright returns the path of a package's copyright file, where Debian keeps its licences
// (https://www.debian.org/doc/debian-policy/ch-docs.html#copyright-information), or of the first
// licence that an rpm marks as such. It is "" where there is none: apk packages have only
// [Package.Licence], and slim images leave documentation out.
func (db *DB) Copyright(p Package) string {
	candidates := []string{"/usr/share/doc/" + p.Name + "/copyright"}
	if p.Kind == RPM {
		candidates = slices.DeleteFunc(db.Files(p), func(f string) bool { return !strings.HasPrefix(f, "/usr/share/licenses/") })
	}
	for _, name := range candidates {
		if _, _, err := ldd.Follow(db.root.sys, name); err == nil {
			return name
		}
	}
	return ""
}

// Err returns what could not be read so far: a list of files that is missing, a database in a format of
// the past. What is asked for is answered from the rest.
func (db *DB) Err() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return errors.Join(db.errs...)
}

// fail notes an error that does not stop the work.
func (db *DB) fail(err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, e := range db.errs {
		if e.Error() == err.Error() {
			return
		}
	}
	db.errs = append(db.errs, err)
}

// unreadError is a database that is in good order, as far as can be told, and not read.
type unreadError struct{ err error }

func (e *unreadError) Error() string { return e.err.Error() }
func (e *unreadError) Unwrap() error { return e.err }

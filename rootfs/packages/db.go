package packages

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
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

// Package is an installed package. Packages are comparable with ==.
type Package struct {
	Kind         string // "deb", "apk" or "rpm"
	Name         string // "libc6"
	Version      string // as the distribution writes it: "1:1.2.13.dfsg-1", "3.0.7-18.el9_2"
	Architecture string // in the distribution's words: "amd64", "x86_64", "all", "noarch"
	// Source is the name of the source package, "glibc" for libc6, and SourceVersion its version, which is ""
	// for apk because apk does not store it.
	Source        string
	SourceVersion string
	// Licence is the licence as apk or rpm states it, usually an SPDX expression. dpkg has none: see
	// [DB.Copyright].
	Licence string
	// Maintainer is who maintains the package, as dpkg or apk state it: "A <a@example.org>". It is not read for rpm.
	Maintainer string
}

// String returns name, version and architecture: "libc6 2.36-9 (amd64)".
func (p Package) String() string { return p.Name + " " + p.Version + " (" + p.Architecture + ")" }

// entry is an installed package with its files.
type entry struct {
	Package
	// list returns the absolute paths of the files, as in the database. It leaves out folders if the
	// database marks them. The caller may change the slice.
	list func() ([]string, error)
}

// maxErrors limits the errors that are kept of a sysroot. The others are counted.
const maxErrors = 50

// DB is the package databases of a sysroot. It is safe for concurrent use.
type DB struct {
	root    root
	entries []entry // by kind, name, architecture, version
	aliases []alias // folders that have become links

	read   sync.Once
	lists  [][]string // the files of each entry
	owners [2]index   // most files, and files below /usr/share

	mu     sync.Mutex
	errs   []error             // the first ones, all different
	failed map[uint64]struct{} // hashes of the texts of all errors: a package may fail again, and there may be thousands
}

// Open reads which packages are installed in a sysroot. The files of the packages are read when they are
// needed. If there is no database, the DB is empty and no file belongs to a package. A malformed database
// is an error.
func Open(sys ldd.FS) (*DB, error) {
	db := &DB{root: newRoot(sys)}
	invalid := "" // the first invalid name
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
			if !e.isSafeName() {
				if invalid == "" {
					invalid = e.Name
				}
				continue
			}
			db.entries = append(db.entries, e)
		}
	}
	if invalid != "" {
		db.fail(fmt.Errorf("the package database has a package with the invalid name %q, which is left out", invalid))
	}
	slices.SortStableFunc(db.entries, func(a, b entry) int { return compare(a.Package, b.Package) })
	db.aliases = db.root.aliases()
	return db, nil
}

// isSafeName reports whether name and architecture can be part of a file name, such as that of a list or a
// copyright file. No distribution uses slashes or control characters in them.
func (p Package) isSafeName() bool {
	isInvalid := func(r rune) bool { return r == '/' || r == utf8.RuneError || unicode.IsControl(r) }
	return !strings.ContainsFunc(p.Name, isInvalid) && !strings.ContainsFunc(p.Architecture, isInvalid) && p.Name != "." && p.Name != ".."
}

// compare orders packages.
func compare(a, b Package) int {
	return cmp.Or(
		strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name),
		strings.Compare(a.Architecture, b.Architecture), strings.Compare(a.Version, b.Version),
	)
}

// All returns the installed packages, ordered by kind, name and architecture.
func (db *DB) All() []Package {
	out := make([]Package, len(db.entries))
	for i, e := range db.entries {
		out[i] = e.Package
	}
	return out
}

// Lookup returns a package by name: "libc6", or "libc6:amd64" if several architectures are installed. If
// several match, it returns the first of [DB.All].
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
// resolved. The file itself is resolved too if it is a link that belongs to no package, for example one
// made by ldconfig or update-alternatives(1).
//
// The first call reads all lists of files. If a file has several owners, such as the same package for two
// architectures, Owner returns the first of [DB.All].
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

// lookup searches the index for a path.
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

// index maps paths to entries. It is built at the first lookup.
type index struct {
	once  sync.Once
	owner map[string]int
}

// indexOf returns the number of the index for a path. Two thirds of all files are below /usr/share, and a
// search for libraries need not wait for them.
func indexOf(name string) int {
	if strings.HasPrefix(name, "/usr/share/") {
		return 1
	}
	return 0
}

// fill builds an index.
func (x *index) fill(n int, lists [][]string) {
	size := 0 // growing the map would take most of the time
	for _, list := range lists {
		for _, name := range list {
			if indexOf(name) == n {
				size++
			}
		}
	}
	x.owner = make(map[string]int, size)
	// Go backwards, so that the first of several owners wins.
	for i := len(lists) - 1; i >= 0; i-- {
		for _, name := range lists[i] {
			if indexOf(name) == n {
				x.owner[name] = i
			}
		}
	}
}

// allFiles reads all lists, one per processor at a time: there may be a thousand.
func (db *DB) allFiles() [][]string {
	lists, errs := make([][]string, len(db.entries)), make([]error, len(db.entries))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := next.Add(1) - 1; i < int64(len(lists)); i = next.Add(1) - 1 {
				lists[i], errs[i] = db.files(int(i))
			}
		}()
	}
	wg.Wait()
	for _, err := range errs {
		db.fail(err)
	}
	return lists
}

// Files returns the files of a package, sorted. If /lib is a link to /usr/lib in the sysroot, the paths are
// below /usr/lib. Some files may be missing: images leave out manuals and translations. A package that is
// not installed has no files.
func (db *DB) Files(p Package) []string {
	for i, e := range db.entries {
		if e.Package == p {
			files, err := db.files(i)
			db.fail(err)
			slices.Sort(files)
			return slices.Compact(files)
		}
	}
	return nil
}

// files returns the canonical paths of an entry's files, and why they are not all.
func (db *DB) files(i int) ([]string, error) {
	list, err := db.entries[i].list()
	for j, name := range list {
		list[j] = db.canonical(name)
	}
	return list, err
}

// Copyright returns the path of a package's copyright file, where Debian keeps licences
// (https://www.debian.org/doc/debian-policy/ch-docs.html#copyright-information), or for an rpm, of the
// first file that it marks as licence. It returns "" if there is none: apk packages have only
// [Package.Licence], and slim images leave out documentation.
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

// Err returns what could not be read so far: a missing list of files, or a database in an old format. Only the first errors
// are in it, and the number of the rest. The other methods answer from what could be read.
func (db *DB) Err() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	errs := db.errs
	if more := len(db.failed) - len(errs); more > 0 {
		errs = append(slices.Clone(errs), fmt.Errorf("and %d more errors", more))
	}
	return errors.Join(errs...)
}

// errorSeed is for the hashes of errors.
var errorSeed = maphash.MakeSeed()

// fail records an error that does not stop the work.
func (db *DB) fail(err error) {
	if err == nil {
		return
	}
	key := maphash.String(errorSeed, err.Error())
	db.mu.Lock()
	defer db.mu.Unlock()
	if _, known := db.failed[key]; known {
		return
	}
	if db.failed == nil {
		db.failed = map[uint64]struct{}{}
	}
	db.failed[key] = struct{}{}
	if len(db.errs) < maxErrors {
		db.errs = append(db.errs, err)
	}
}

// unreadError reports a database that is not read, although it seems to be valid.
type unreadError struct{ err error }

func (e *unreadError) Error() string { return e.err.Error() }
func (e *unreadError) Unwrap() error { return e.err }

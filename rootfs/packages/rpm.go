package packages

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxRPM bounds an rpm database; that of a workstation with everything on it has 300 MB.
const maxRPM = 2 << 30

// maxPaths bounds the paths of all files of a database in bytes; a large one has 60 MB of them.
const maxPaths = 256 << 20

// readRPM reads rpm's database, https://rpm.org/docs/latest/manual/. Fedora 36 has moved it below
// /usr, and left a link in the old place.
func readRPM(r root) ([]entry, error) {
	dir, err := r.find("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm")
	if dir == "" || err != nil {
		return nil, err
	}
	file, err := r.find("/" + dir + "/rpmdb.sqlite")
	if err != nil {
		return nil, err
	}
	if file == "" {
		return nil, r.oldRPM(dir)
	}
	out, err := r.rpmdb(file)
	if err != nil {
		return nil, fmt.Errorf("reading rpm's database %q: %w", "/"+file, err)
	}
	return out, r.writeAhead(file)
}

// oldRPM says that a database has another format; a folder without any is what Debian's librpm brings.
func (r root) oldRPM(dir string) error {
	for _, name := range []string{"Packages", "Packages.db"} {
		file, err := r.find("/" + dir + "/" + name)
		if err != nil {
			return err
		}
		if file != "" {
			return &unreadError{fmt.Errorf("rpm's database %q is not in SQLite's format: its packages are not known\nfix: rpmdb --rebuilddb --define '_db_backend sqlite', or leave it", "/"+file)}
		}
	}
	return nil
}

// writeAhead says that the newest changes are not in the database yet: rpm was killed, or runs.
func (r root) writeAhead(file string) error {
	info, err := r.sys.Lstat(file + "-wal")
	if err != nil || info.Size() == 0 {
		return nil
	}
	return &unreadError{fmt.Errorf("rpm's database %q was not closed: its newest packages are not known\nfix: rpm -qa in that root", "/"+file)}
}

// rpmdb reads all packages of a database. It keeps the tables of files and nothing else of it.
func (r root) rpmdb(file string) (out []entry, err error) {
	info, err := r.sys.Lstat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxRPM {
		return nil, fmt.Errorf("not a regular file (%s), or too large (%d bytes)", info.Mode().Type(), info.Size())
	}
	f, err := r.sys.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	at, ok := f.(io.ReaderAt)
	if !ok {
		if info.Size() > maxTexts {
			return nil, fmt.Errorf("%d bytes are too many to be read at once", info.Size())
		}
		whole, err := io.ReadAll(io.LimitReader(f, info.Size()))
		if err != nil {
			return nil, err
		}
		at = bytes.NewReader(whole)
	}
	return readRPMPackages(at, info.Size())
}

// readRPMPackages reads the table Packages, with a header in the second column.
func readRPMPackages(at io.ReaderAt, size int64) ([]entry, error) {
	db, err := newSQLite(at, size)
	if err != nil {
		return nil, err
	}
	var out []entry
	left := maxPaths
	err = db.table("Packages", func(key int64, record []byte) error {
		blob, err := column(record, 1)
		if err != nil {
			return err
		}
		h, err := parseHeader(blob)
		if err != nil {
			return fmt.Errorf("package %d: %w", key, err)
		}
		// Keys to check signatures with are kept like packages.
		p := rpmPackage(h)
		if p.Name == "" || p.Name == "gpg-pubkey" {
			return nil
		}
		files := rpmFiles(h, &left)
		if left < 0 {
			return fmt.Errorf("package %d: %w: more than %d bytes of paths", key, errCorrupt, maxPaths)
		}
		if err := checkPackages(len(out) + 1); err != nil {
			return err
		}
		out = append(out, entry{p, func() ([]string, error) { return slices.Clone(files), nil }})
		return nil
	})
	return out, err
}

// rpmPackage reads a header.
func rpmPackage(h rpmHeader) Package {
	p := Package{
		Kind: RPM, Name: h.text(tagName), Version: h.text(tagVersion) + "-" + h.text(tagRelease),
		Architecture: h.text(tagArch), Licence: h.text(tagLicence),
	}
	if epoch := h.firstNumbers(tagEpoch, 1); len(epoch) > 0 {
		p.Version = strconv.FormatUint(uint64(epoch[0]), 10) + ":" + p.Version
	}
	p.Source, p.SourceVersion = sourceRPM(h.text(tagSourceRPM))
	return p
}

// sourceRPM splits "glibc-2.34-60.el9.src.rpm" at its last two hyphens, which neither a version nor a
// release can have.
func sourceRPM(file string) (name, version string) {
	nvr := strings.TrimSuffix(strings.TrimSuffix(file, ".rpm"), ".src")
	release := strings.LastIndexByte(nvr, '-')
	if release < 0 {
		return "", ""
	}
	i := strings.LastIndexByte(nvr[:release], '-')
	if i < 0 {
		return "", ""
	}
	return nvr[:i], nvr[i+1:]
}

// Of st_mode, see inode(7).
const (
	modeType = 0o170000
	modeDir  = 0o040000
)

// pathCost is what a path costs besides its bytes, as a string in lists and in an index.
const pathCost = 64

// rpmFiles puts the files of a package together: names, and for each the number of its folder. One long
// name of a folder could make many long paths, and many names have no bytes; left is how many bytes there may still be.
func rpmFiles(h rpmHeader, left *int) []string {
	for _, tag := range []uint32{tagBaseNames, tagDirNames, tagDirIndexes, tagFileModes, tagFileStates} {
		if _, _, count := h.find(tag); uint64(count)*pathCost > uint64(max(*left, 0)) {
			*left = -1
			return nil
		}
	}
	names, dirs, index := h.texts(tagBaseNames), h.texts(tagDirNames), h.numbers(tagDirIndexes)
	modes, states := h.numbers(tagFileModes), h.numbers(tagFileStates)
	var out []string
	for i, name := range names {
		if i >= len(index) || index[i] >= uint32(len(dirs)) || *left < 0 {
			break
		}
		if i < len(modes) && modes[i]&modeType == modeDir {
			continue
		}
		// Not installed, or replaced by another package's, as with two architectures: rpmfileState.
		if i < len(states) && states[i] != 0 {
			continue
		}
		out = append(out, path.Clean("/"+dirs[index[i]]+name))
		*left -= len(dirs[index[i]]) + len(name) + pathCost
	}
	return out
}

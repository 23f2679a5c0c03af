package packages

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxRPM limits the size of an rpm database in bytes; that of a full workstation has 300 MB.
const maxRPM = 2 << 30

// maxPaths limits the texts of all packages and the paths of all files of a database in bytes; a large one has 60 MB.
const maxPaths = 256 << 20

// readRPM reads rpm's database, https://rpm.org/docs/latest/manual/. Fedora 36 moved it below /usr and left
// a link in the old place.
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
		return nil, r.checkOldFormats(dir)
	}
	out, err := r.rpmdb(file)
	if err != nil {
		return nil, fmt.Errorf("reading rpm's database %q: %w", "/"+file, err)
	}
	return out, r.checkWriteAhead(file)
}

// checkOldFormats returns an error if a database has another format. Debian's librpm creates a folder without a
// database.
func (r root) checkOldFormats(dir string) error {
	for _, name := range []string{"Packages", "Packages.db"} {
		file, err := r.find("/" + dir + "/" + name)
		if err != nil {
			return err
		}
		if file != "" {
			return &unreadError{fmt.Errorf("rpm's database %q is not in SQLite's format: its packages are unknown\nfix: rpmdb --rebuilddb --define '_db_backend sqlite', or leave it", "/"+file)}
		}
	}
	return nil
}

// checkWriteAhead returns an error if the database lacks the newest changes, because rpm is running or was
// killed.
func (r root) checkWriteAhead(file string) error {
	info, err := r.sys.Lstat(file + "-wal")
	if err != nil || info.Size() == 0 {
		return nil
	}
	return &unreadError{fmt.Errorf("rpm's database %q was not closed: its newest packages are unknown\nfix: rpm -qa in that root", "/"+file)}
}

// rpmdb reads all packages of a database. It keeps only the lists of files.
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
			return nil, fmt.Errorf("it has %d bytes, too many to read at once", info.Size())
		}
		content, err := io.ReadAll(io.LimitReader(f, info.Size()))
		if err != nil {
			return nil, err
		}
		at = bytes.NewReader(content)
	}
	return readRPMPackages(at, info.Size())
}

// readRPMPackages reads the table Packages. Its second column is the package's header.
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
		e, err := rpmEntry(h, &left)
		if err != nil {
			return fmt.Errorf("package %d: %w", key, err)
		}
		// rpm stores signature keys like packages.
		if e.Name == "" || e.Name == "gpg-pubkey" {
			return nil
		}
		if err := checkPackages(len(out) + 1); err != nil {
			return err
		}
		out = append(out, e)
		return nil
	})
	return out, err
}

// rpmEntry returns the package of a header with its files. left is the remaining number of bytes for texts and paths of all
// packages.
func rpmEntry(h rpmHeader, left *int) (entry, error) {
	p, err := rpmPackage(h)
	if err != nil {
		return entry{}, err
	}
	for _, text := range []string{p.Name, p.Version, p.Architecture, p.Source, p.SourceVersion, p.Licence} {
		*left -= len(text)
	}
	files := rpmFiles(h, left)
	if *left < 0 {
		return entry{}, fmt.Errorf("%w: more than %d bytes of texts and paths", errCorrupt, maxPaths)
	}
	return entry{p, func() ([]string, error) { return slices.Clone(files), nil }}, nil
}

// rpmPackage returns the package of a header. A text that is too long is an error: the tags of a header may all point at
// the same bytes.
func rpmPackage(h rpmHeader) (Package, error) {
	var failed error
	text := func(tag uint32) string {
		s, err := h.text(tag)
		failed = cmp.Or(failed, err)
		return s
	}
	p := Package{
		Kind: RPM, Name: text(tagName), Version: text(tagVersion) + "-" + text(tagRelease),
		Architecture: text(tagArch), Licence: text(tagLicence),
	}
	if epoch := h.firstNumbers(tagEpoch, 1); len(epoch) > 0 {
		p.Version = strconv.FormatUint(uint64(epoch[0]), 10) + ":" + p.Version
	}
	p.Source, p.SourceVersion = sourceRPM(text(tagSourceRPM))
	return p, failed
}

// sourceRPM splits "glibc-2.34-60.el9.src.rpm" at its last two hyphens. Neither a version nor a release can
// contain a hyphen.
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

// Bits of st_mode, see inode(7).
const (
	modeType = 0o170000
	modeDir  = 0o040000
)

// pathCost is the memory for a path besides its bytes: a string in a list and in an index.
const pathCost = 64

// rpmFiles joins the folders and names of a package's files. left is the remaining number of bytes: one
// long folder name could make many long paths, and many names may be empty.
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
		// Skip a file that is not installed, or that another package replaced, for example with two
		// architectures: rpmfileState.
		if i < len(states) && states[i] != 0 {
			continue
		}
		out = append(out, path.Clean("/"+dirs[index[i]]+name))
		*left -= len(dirs[index[i]]) + len(name) + pathCost
	}
	return out
}

package image

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// File is one entry of a layer and the source of its bytes.
type File struct {
	// Header describes the entry. These fields count:
	//
	//   - Typeflag: [tar.TypeReg], [tar.TypeDir] or [tar.TypeSymlink]. The zero value is a folder when Name ends in
	//     a slash, else a regular file.
	//   - Name: slash separated and clean. A leading slash, and a trailing one of a folder, do not matter.
	//   - Linkname: the target of a symbolic link, kept as it is.
	//   - Size: of a regular file, in bytes. Open must give exactly as many.
	//   - Mode: permissions with setuid, setgid and sticky as in chmod(2), at most 07777. A link always has 0777.
	//   - Uid, Gid: the numbers of the owner.
	//   - PAXRecords: extended attributes ("SCHILY.xattr.security.capability") and nothing else.
	//
	// All others (times, names of owners, Format …) are ignored, because they would make two builds differ.
	Header tar.Header
	// Open returns the bytes of a regular file. It is called once by [NewLayer] and once by each [Layer.WriteTo], and
	// must return the same bytes each time. It may be nil if Size is 0. It is not called for folders and links.
	Open func() (io.ReadCloser, error)
}

// xattrPrefix starts the PAX records in which tar programs and engines store extended attributes.
const xattrPrefix = "SCHILY.xattr."

// whiteoutPrefix starts a name that deletes a file of a lower layer. No file can have such a name.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts
const whiteoutPrefix = ".wh."

// maxMode is the largest mode that a tar header can hold: POSIX, pax, "ustar Interchange Format".
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
const maxMode = 0o7777

// normalise returns the header to write for h: only the fields that the layer promises, all others zero.
func normalise(h tar.Header, created time.Time) (tar.Header, error) {
	name, err := cleanName(h.Name)
	if err != nil {
		return tar.Header{}, err
	}
	out := tar.Header{
		Typeflag: h.Typeflag, Name: name, Mode: h.Mode, Uid: h.Uid, Gid: h.Gid, ModTime: created,
		// archive/tar then writes plain USTAR if that is enough, and a PAX record if it is not (long or non-ASCII names,
		// 8 GiB and more, high user IDs). It never writes GNU's format.
		Format: tar.FormatPAX,
	}
	if out.Typeflag == 0 { // the rule of tar.Writer, which would see only the cleaned name
		out.Typeflag = tar.TypeReg
		if strings.HasSuffix(h.Name, "/") {
			out.Typeflag = tar.TypeDir
		}
	}
	switch out.Typeflag {
	case tar.TypeReg:
		out.Size = h.Size
	case tar.TypeDir:
		out.Name += "/"
	case tar.TypeSymlink:
		// Linux has no permissions of a link, and other systems report arbitrary ones.
		out.Linkname, out.Mode = h.Linkname, 0o777
	default:
		return tar.Header{}, fmt.Errorf("adding %q: type %q is neither a file, a folder nor a symbolic link", name, out.Typeflag)
	}
	if out.PAXRecords, err = attributes(h); err != nil {
		return tar.Header{}, err
	}
	return out, checkHeader(out)
}

// cleanName returns the name to write in the archive: "etc/passwd", without a folder's slash.
func cleanName(given string) (string, error) {
	name := strings.TrimSuffix(strings.TrimPrefix(given, "/"), "/")
	if name == "" || name == "." {
		// Engines create the root folder themselves, root:root 0755, and differ in how they treat an entry for it.
		return "", fmt.Errorf("adding %q: the root folder has no entry of its own", given)
	}
	if !fs.ValidPath(name) || strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("adding %q: it is not a clean path in UTF-8", given)
	}
	for _, element := range strings.Split(name, "/") {
		if strings.HasPrefix(element, whiteoutPrefix) {
			return "", fmt.Errorf("adding %q: an engine deletes files for names that begin with %q\nfix: rename the file",
				given, whiteoutPrefix)
		}
	}
	return name, nil
}

// attributes copies the extended attributes of h. Any other record would override what the layer promises.
func attributes(h tar.Header) (map[string]string, error) {
	if len(h.PAXRecords) == 0 {
		return nil, nil
	}
	records := make(map[string]string, len(h.PAXRecords))
	for key, value := range h.PAXRecords {
		if !strings.HasPrefix(key, xattrPrefix) {
			return nil, fmt.Errorf("adding %q: the PAX record %q is not an extended attribute (%s…)", h.Name, key, xattrPrefix)
		}
		records[key] = value
	}
	return records, nil
}

// checkHeader rejects values that a tar header would store differently.
func checkHeader(h tar.Header) error {
	switch {
	case h.Size < 0:
		return fmt.Errorf("adding %q: its size %d is negative", h.Name, h.Size)
	case h.Uid < 0 || h.Gid < 0:
		return fmt.Errorf("adding %q: the owner %d:%d is negative", h.Name, h.Uid, h.Gid)
	case h.Mode < 0 || h.Mode > maxMode:
		// Most likely the bits of an fs.FileMode, which has setuid elsewhere. Writing them would lose it.
		return fmt.Errorf("adding %q: mode %#o is more than %#o", h.Name, h.Mode, maxMode)
	case h.Typeflag == tar.TypeSymlink && h.Linkname == "":
		return fmt.Errorf("adding %q: the link has no target", h.Name)
	}
	return nil
}

// sequence checks the order of a layer: sorted by name, bytewise and without the folders' slashes. A folder then comes
// before its contents, and two runs give the same order.
type sequence struct {
	last   string
	leaves map[string]bool // names of entries that are not folders
}

// add checks the next header, and fails if it may not come next.
func (s *sequence) add(h tar.Header) error {
	name := strings.TrimSuffix(h.Name, "/")
	if name == s.last {
		return fmt.Errorf("adding %q: it is there already", name)
	}
	if name < s.last {
		return fmt.Errorf("adding %q: it comes after %q, but the entries must be sorted by name", name, s.last)
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if s.leaves[dir] {
			// An engine that follows the link would put the entry somewhere else.
			return fmt.Errorf("adding %q: %q is not a folder", name, dir)
		}
	}
	s.last = name
	if h.Typeflag != tar.TypeDir {
		s.leaves[name] = true
	}
	return nil
}

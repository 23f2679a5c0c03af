package rootfs

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

// Layer says how often an entry changes from build to build. An image stacks its layers in this order, so
// that a change uploads as little as possible.
type Layer int

// The layers, lowest first.
const (
	System  Layer = iota // what many images share: libraries, certificates, zones, accounts, /tmp, /data
	Files                // the user's files
	Program              // the program, new with each build
)

// String returns the layer's name: "system", "files" or "program".
func (l Layer) String() string {
	names := [...]string{"system", "files", "program"}
	if l < 0 || int(l) >= len(names) {
		return fmt.Sprintf("layer %d", int(l))
	}
	return names[l]
}

// Entry is one path of the image. It needs a path and, for a file, a source.
type Entry struct {
	// Path is absolute and clean, "/etc/passwd". "/" itself is never an entry: it is always a folder,
	// 0755 root:root.
	Path string
	// Mode has the type (fs.ModeDir, fs.ModeSymlink, or none for a file), the permissions and, if wanted,
	// fs.ModeSetuid, fs.ModeSetgid and fs.ModeSticky. The permissions of a link are always 0777.
	Mode fs.FileMode
	// UID and GID own the entry; 0 is root.
	UID, GID int
	// Capabilities are those of a program's file.
	Capabilities Capabilities
	// Link is the unchanged target of a symbolic link.
	Link string
	// Size is the size of a file in bytes. [Tree.Add] takes it from the source.
	Size int64
	// Layer is the lowest layer that needs the entry.
	Layer Layer
	// Reason tells people why the entry is here: "needed by /hello (ld.so.cache)".
	Reason string
	// For is the path, in the image, of the file that needs this entry: for /lib/libz.so.1, the file that
	// loads it. "" means the image as a whole. [Tree.Chain] follows it.
	For string
	// Source is where a file's bytes come from. It is zero for folders and links.
	Source Source
}

// IsPlainFolder reports whether the entry is a folder as every unpacker makes it: root's, with mode 0755.
func (e Entry) IsPlainFolder() bool { return e.UID == 0 && e.GID == 0 && e.Mode == fs.ModeDir|0o755 }

// Header returns the entry as a tar(5) header without times. The name has no leading slash; a folder's name
// ends with a slash. Capabilities are a PAX record.
func (e Entry) Header() *tar.Header {
	h := &tar.Header{
		Typeflag: tar.TypeReg,
		Name:     strings.TrimPrefix(e.Path, "/"),
		Linkname: e.Link,
		Size:     e.Size,
		Mode:     unixMode(e.Mode),
		Uid:      e.UID,
		Gid:      e.GID,
	}
	switch e.Mode.Type() {
	case fs.ModeDir:
		h.Typeflag = tar.TypeDir
		h.Name += "/"
	case fs.ModeSymlink:
		h.Typeflag = tar.TypeSymlink
	}
	if e.Capabilities != 0 {
		h.PAXRecords = map[string]string{capabilityRecord: e.Capabilities.attribute()}
	}
	return h
}

// The bits above the permissions, with the values of chmod(2). io/fs uses other values.
const (
	setuid = 0o4000
	setgid = 0o2000
	sticky = 0o1000
)

// unixMode converts a mode to the bits of chmod(2) and tar(5).
func unixMode(m fs.FileMode) int64 {
	mode := int64(m.Perm())
	if m&fs.ModeSetuid != 0 {
		mode |= setuid
	}
	if m&fs.ModeSetgid != 0 {
		mode |= setgid
	}
	if m&fs.ModeSticky != 0 {
		mode |= sticky
	}
	return mode
}

// fileMode converts a mode as people write it: 0o1777 has the sticky bit of chmod(1), although Go uses
// another bit.
func fileMode(m fs.FileMode) fs.FileMode {
	mode := m & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	if m&setuid != 0 {
		mode |= fs.ModeSetuid
	}
	if m&setgid != 0 {
		mode |= fs.ModeSetgid
	}
	if m&sticky != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}

// checked returns the entry in the form that the Tree stores, or an error if the entry is not valid.
func (e Entry) checked() (Entry, error) {
	if err := checkPath(e.Path); err != nil {
		return e, err
	}
	if e.UID < 0 || e.GID < 0 {
		return e, fmt.Errorf("owner %d:%d is negative", e.UID, e.GID)
	}
	if e.Layer < System || e.Layer > Program {
		return e, fmt.Errorf("there is no %s", e.Layer)
	}
	typ := e.Mode.Type()
	e.Mode = typ | fileMode(e.Mode)
	if err := e.Capabilities.check(e); err != nil {
		return e, err
	}
	switch typ {
	case 0:
		return e.checkedFile()
	case fs.ModeDir:
		e.Size = 0
	case fs.ModeSymlink:
		e.Size, e.Mode = 0, fs.ModeSymlink|fs.ModePerm
		if e.Link == "" || strings.ContainsRune(e.Link, 0) {
			return e, fmt.Errorf("the link target %q is not valid", e.Link)
		}
		return e, nil
	default:
		return e, fmt.Errorf("an image has no %s", kindOf(typ))
	}
	return e, nil
}

// checkedFile checks that the source of a file can be read, and sets the size: a tar header needs it before
// the first byte.
func (e Entry) checkedFile() (Entry, error) {
	info, err := e.Source.stat()
	if err != nil {
		return e, err
	}
	if !info.Mode().IsRegular() {
		return e, fmt.Errorf("%s is a %s, not a file", e.Source, kindOf(info.Mode().Type()))
	}
	e.Size = info.Size()
	return e, nil
}

// checkPath returns an error if a path can't be in an image. Linux allows names that are not UTF-8, but
// io/fs and the extended headers of tar, pax(1), do not.
func checkPath(p string) error {
	switch {
	case !path.IsAbs(p):
		return fmt.Errorf("the path is not absolute\nfix: write %q, if that is meant", path.Clean("/"+p))
	case p == "/":
		return errors.New("every image has the root folder already")
	case path.Clean(p) != p:
		return fmt.Errorf("the path is not clean\nfix: write %q", path.Clean(p))
	case !utf8.ValidString(p), strings.ContainsRune(p, 0):
		return errors.New("the path is not valid UTF-8 text")
	}
	return nil
}

// kindOf names a file type for people.
func kindOf(typ fs.FileMode) string {
	switch {
	case typ&fs.ModeDir != 0:
		return "folder"
	case typ&fs.ModeSymlink != 0:
		return "symbolic link"
	case typ&fs.ModeSocket != 0:
		return "socket"
	case typ&fs.ModeNamedPipe != 0:
		return "named pipe"
	case typ&fs.ModeDevice != 0:
		return "device"
	case typ == 0:
		return "file"
	}
	return "special file"
}

// String describes the entry for error messages: "link to usr/lib", "file 0644 0:0", "file 0755 0:0 cap_net_raw".
func (e Entry) String() string {
	if e.Mode.Type() == fs.ModeSymlink {
		return "link to " + e.Link
	}
	text := fmt.Sprintf("%s %04o %d:%d", kindOf(e.Mode.Type()), unixMode(e.Mode), e.UID, e.GID)
	if e.Capabilities != 0 {
		text += " " + e.Capabilities.String()
	}
	return text
}

package rootfs

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Spec is everything that goes into the file tree of an image. The zero value gives only the system's
// files: accounts, certificates, /tmp and /data.
type Spec struct {
	// Program is the program's path in the image, "/hello"; "" means no program.
	Program string
	// Binary is the program's file on the host.
	Binary string
	// Capabilities are those of the program's file.
	Capabilities Capabilities

	// Closure is the libraries that the program loads; it is nil or has no libraries if the program is
	// static. Its first object, the program, is taken from Binary.
	Closure *ldd.Closure
	// Sysroot is the file system that Closure was resolved in and that the libraries are copied from; nil
	// is the host.
	Sysroot ldd.FS

	// Opened says why Closure has libraries that no file needs: the program opens them while it runs. The
	// keys are the names in [ldd.Program.Opens] and Tries.
	Opened map[string]Because
	// Data is the files and folders of Sysroot that the libraries read. Folders are copied without the
	// files that Sysroot hides, as package exclude does, and without static libraries (lib*.a).
	Data []Data
	// Executables are programs among Files. What they load is added too, unless the tree has it already.
	Executables []Closing
	// LeftOut, if set, is called with a message for people about each path that is left out of Data.
	LeftOut func(text string)

	// Known are the entries that an earlier build made of Closure, Opened, Data and Executables, see
	// [Tree.Beyond]. They replace all four.
	Known []Entry

	// Base is the file system of the image that this one is put on, nil for none. It must not follow links
	// in the names that it is given. If the Sys of a FileInfo from Lstat is a *tar.Header, it gives the
	// owner. Files that the base has are not added again: neither the system's files, nor libraries if
	// Sysroot is an [Overlay] over the base. Accounts and extra certificates are appended to the base's
	// files.
	Base ldd.FS
	// BaseName is the base's name in messages.
	BaseName string
	// Further are entries that the caller has made. If the tree already has an entry at that path, both
	// must be equal.
	Further []Entry

	// User is the user that the program runs as and that owns DataDir. The zero value is nobody,
	// 65534:65534.
	User User
	// Users are further accounts, for example as owners of files.
	Users []User

	// Files are copied from the host, in this order.
	Files []File
	// Dirs are folders that start empty. They replace folders of the system with the same path, such as
	// /tmp.
	Dirs []Dir
	// Dir is the folder that relative paths on the host start from; "" is the current folder.
	Dir string

	// Certificates are the authorities that TLS clients trust.
	Certificates Certificates
	// Timezones are names of zones ("Europe/Berlin"), or "all".
	Timezones []string
	// ZonesFor says why the zones are needed; "" means that the user asked for them in Timezones.
	ZonesFor string
	// MIMEFor says why the table of MIME types is needed; "" leaves the table out.
	MIMEFor string
	// CacheFor says why the image's user needs a folder .cache in the home; "" leaves the folder out.
	CacheFor string
	// TZ is the value of the variable TZ in the image. Its zone is included, and /etc/localtime links to
	// it.
	TZ string
	// GOROOT is the Go installation whose lib/time/zoneinfo.zip has the zones; without the file they come
	// from /usr/share/zoneinfo.
	GOROOT string

	// DataDir is the folder that the image's user can write to; "" is /data.
	DataDir string
}

// Because says why an entry is in the image, and which file needs it.
type Because struct {
	Why string // for people: "plugin of libvips.so.42"
	Of  string // path in the image of the file that needs it; "" is the program
}

// Data is a file or folder that is copied from the sysroot to the same path in the image, together with
// every link that leads to it and everything that links in it lead to. Files that not everybody may read in
// the sysroot are left out, because everybody can read an image.
type Data struct {
	Path string // absolute
	Because
	// Within are absolute paths of folders or files. A link in Data is left out if it leads to none of them
	// and to nothing in them. nil means no limit.
	Within []string
}

// File is a file, a folder or several files that are copied from the host into the image.
type File struct {
	// From is a file, a folder, or a pattern as in [path/filepath.Match], relative to Spec.Dir or absolute.
	// If a file of that exact name exists, From is not a pattern. If From itself names a link, it is
	// followed.
	From string
	// To is an absolute path in the image. A file is copied to To; if To ends with "/", it is copied into
	// To under its own name. A folder becomes To. If a pattern matches several files, each goes into To.
	To string
	// Owner is "uid:gid", "uid", or the names of a user and a group of the image; "" is root.
	Owner string
	// Mode is the mode of every file; a folder gets an x for each r. Zero means 0755 for folders and for
	// files that their owner may execute, and 0644 for other files, whatever the umask was.
	Mode fs.FileMode
	// Capabilities are those of every file. From must then be no folder, and each file must be executable.
	// Those of the file on the host do not count.
	Capabilities Capabilities
	// Reason tells people where this was asked for: "configured at magefile.go:16".
	Reason string
}

// Dir is a folder of the image.
type Dir struct {
	Path   string      // absolute
	Owner  string      // as in File, but "" is Spec.User, who probably wants to write to an empty folder
	Mode   fs.FileMode // zero is 0755
	Reason string      // as in File
}

// Certificates are the certificate authorities that TLS clients in the image trust, in PEM form.
type Certificates struct {
	Bundle string   // file on the host; "" means the result of [FindBundle]
	Name   string   // the bundle's name in the reason of its entry; "" is the file's path
	Extra  []string // files on the host, checked and added to the bundle
	// OnlyExtra leaves the bundle out. With OnlyExtra and no Extra the image has no certificates, and its
	// TLS clients trust nobody.
	OnlyExtra bool
}

// Assemble builds the tree. The same Spec and the same files give the same tree on any machine.
func Assemble(ctx context.Context, s Spec) (*Tree, error) {
	a, err := s.begin()
	if err != nil {
		return nil, err
	}
	for _, stage := range []func(context.Context) error{
		a.addAccounts,
		a.addFolders,
		a.addNames,
		a.addCertificates,
		a.addZones,
		a.addKnown,
		a.addLibraries,
		a.addData,
		a.addOpenSSL,
		a.addFurther,
		a.addFiles,
		a.addExecutables,
		a.addProgram,
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := stage(ctx); err != nil {
			return nil, err
		}
	}
	return &a.tree, nil
}

// assembly is a tree that is being built. Each of its stages adds to the tree; most have a file of their
// own.
type assembly struct {
	Spec
	accounts accounts
	tree     Tree
}

// begin fills in the defaults that more than one stage needs.
func (s Spec) begin() (*assembly, error) {
	if s.DataDir == "" {
		s.DataDir = "/data"
	}
	if path.IsAbs(s.DataDir) {
		s.DataDir = path.Clean(s.DataDir)
	}
	if s.Sysroot == nil {
		s.Sysroot = ldd.DirFS("/")
	}
	accounts, err := newAccounts(s)
	if err != nil {
		return nil, err
	}
	return &assembly{Spec: s, accounts: accounts, tree: Tree{base: s.Base, baseName: s.BaseName}}, nil
}

// host returns the path on this machine of a file that the user named.
func (s Spec) host(name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(s.Dir, name)
}

// HostPaths returns the files and folders of this machine that Files and Certificates are taken from. A
// change to one of them, or below it, may change the image. For a pattern it returns the folder that the
// pattern starts in.
func (s Spec) HostPaths() []string {
	var paths []string
	for _, f := range s.Files {
		from := f.From
		if _, err := os.Lstat(s.host(from)); err != nil && hasMeta(from) {
			from, _ = splitPattern(filepath.ToSlash(from))
		}
		paths = append(paths, s.host(from))
		if real, err := filepath.EvalSymlinks(s.host(from)); err == nil {
			paths = append(paths, real)
		}
	}
	for _, c := range s.Certificates.Extra {
		paths = append(paths, s.host(c))
	}
	return paths
}

// addKnown adds the entries of an earlier build.
func (a *assembly) addKnown(ctx context.Context) error {
	for _, e := range a.Known {
		if err := a.tree.Add(e); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// addFurther adds the caller's entries.
func (a *assembly) addFurther(ctx context.Context) error {
	for _, e := range a.Further {
		if err := a.tree.Add(e); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// addProgram adds the program in the top layer. Everyone may execute it, whatever the umask of the build
// was: it runs as the image's user, not as the user who built it.
func (a *assembly) addProgram(context.Context) error {
	if a.Program == "" {
		return nil
	}
	info, err := os.Stat(a.Binary)
	if err != nil {
		return fmt.Errorf("taking the program %q: %w", a.Binary, withoutPath(err))
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("taking the program %q: it is a %s", a.Binary, kindOf(info.Mode().Type()))
	}
	return a.tree.Add(Entry{
		Path: path.Clean(a.Program), Mode: 0o755, Capabilities: a.Capabilities, Layer: Program,
		Reason: "the program", Source: HostFile(a.Binary),
	})
}

// addFile adds a file with the given content to the system layer.
func (a *assembly) addFile(path, content, reason string) error {
	return a.tree.Add(Entry{Path: path, Mode: 0o644, Reason: reason, Source: Bytes([]byte(content))})
}

// addLink adds a link to the system layer.
func (a *assembly) addLink(path, target, reason string) error {
	return a.tree.Add(Entry{Path: path, Mode: fs.ModeSymlink, Link: target, Reason: reason})
}

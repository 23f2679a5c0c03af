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

// Spec is all that goes into the file tree of an image. The zero value is one with the system's files
// only: accounts, certificates, /tmp and /data.
type Spec struct {
	// Program is the program's path in the image, "/hello"; "" is an image without program.
	Program string
	// Binary is the program's file on the host.
	Binary string

	// Closure are the libraries that the program loads, nil or one without libraries for a static
	// program. Its first object, the program, is taken from Binary.
	Closure *ldd.Closure
	// Sysroot is where Closure was resolved and the libraries' bytes are; nil is the host.
	Sysroot ldd.FS

	// Opened says why Closure has what no file needs: libraries that the program opens while it runs. The
	// keys are the names in [ldd.Program.Opens] and Tries.
	Opened map[string]Because
	// Data are files and folders of Sysroot that the libraries read. What a Sysroot hides, as package exclude
	// does, is left out of the folders.
	Data []Data
	// LeftOut, if set, is told what was left out of Data, and why, for people.
	LeftOut func(text string)

	// Known are the entries that Closure, Opened and Data have led to before, see [Tree.Beyond]. They stand in
	// for all three.
	Known []Entry

	// Base is the file system of the image that this one is put on, nil for none. Names are not led through links; the
	// Sys of what Lstat gives is a *tar.Header with the owner. What it has is not added again: files of the system, and
	// libraries where Sysroot is an [Overlay] over it. Accounts are appended to its own, extra certificates to its bundle.
	Base ldd.FS
	// BaseName is what people call it.
	BaseName string
	// Further are entries that whoever calls has made. One that is in the tree already has to be the same.
	Further []Entry

	// User is whom the program runs as, and owns DataDir. Zero is nobody, 65534:65534.
	User User
	// Users are further accounts, for owners of files.
	Users []User

	// Files are taken from the host, in this order.
	Files []File
	// Dirs are folders that are empty at first. One that the system has too, /tmp, replaces it.
	Dirs []Dir
	// Dir is the folder that relative paths of the host start at; "" is the current one.
	Dir string

	// Certificates are the authorities that TLS clients trust.
	Certificates Certificates
	// Timezones are names of zones ("Europe/Berlin"), or "all".
	Timezones []string
	// ZonesFor says why the zones are needed; "" is that Timezones were asked for.
	ZonesFor string
	// MIMEFor says why the table of MIME types is needed; "" leaves it out.
	MIMEFor string
	// CacheFor says why the image's user needs a folder .cache in the home; "" makes none.
	CacheFor string
	// TZ is the value of the variable TZ in the image. Its zone is included, and /etc/localtime leads to it.
	TZ string
	// GOROOT has the zones, in lib/time/zoneinfo.zip; without it they come from /usr/share/zoneinfo.
	GOROOT string

	// DataDir is the folder that the user can write to; "" is /data.
	DataDir string
}

// Because is a reason with what it is the reason of.
type Because struct {
	Why string // for people: "plugin of libvips.so.42"
	Of  string // path in the image of what wants it; "" is the program
}

// Data is a file or folder of the sysroot that goes into the image where it is, with every link that leads
// to it and what the links in it lead to. What not everybody may read in the sysroot is left out: everybody can read
// an image.
type Data struct {
	Path string // absolute
	Because
	// Within are absolute folders or files; a link that leads to none of them, and to nothing in them, is left out.
	// nil is no limit.
	Within []string
}

// File is a file, or many, to be taken from the host into the image.
type File struct {
	// From is a file, a folder, or a pattern as in [path/filepath.Match], relative to Spec.Dir or
	// absolute. A name that exists is no pattern. Links that From itself names are followed.
	From string
	// To is an absolute path in the image. A file becomes To; it goes into To under its own name when
	// To ends with "/". A folder becomes To. When a pattern fits several, each goes into To.
	To string
	// Owner is "uid:gid", "uid", or the names of a user and a group of the image; "" is root.
	Owner string
	// Mode is given to every file; folders have an x where it has an r. Zero makes files 0755 where
	// their owner may execute them, else 0644, and folders 0755, whatever the umask was.
	Mode fs.FileMode
	// Reason says to people where this was asked for: "configured at magefile.go:16".
	Reason string
}

// Dir is a folder of the image.
type Dir struct {
	Path   string      // absolute
	Owner  string      // as in File, but "" is Spec.User: who asks for an empty folder wants to write
	Mode   fs.FileMode // zero is 0755
	Reason string      // as in File
}

// Certificates are the certificate authorities that TLS clients in the image trust, in PEM form.
type Certificates struct {
	Bundle string   // file on the host; "" is searched for, see [FindBundle]
	Name   string   // what the bundle is called in the explanation. Default: Bundle
	Extra  []string // files on the host, checked and added to the bundle
	// OnlyExtra leaves the bundle out. Without Extra the image has no certificates then, and a TLS
	// client in it trusts nobody.
	OnlyExtra bool
}

// Assemble builds the tree. The same Spec over the same files gives the same tree, on any machine.
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

// assembly is a tree in the making. Its stages add to the tree, each in a file of its own.
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

// host is the path on this machine of a file that the user named.
func (s Spec) host(name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(s.Dir, name)
}

// HostPaths are the files and folders of this machine that Files and Certificates are taken from: whatever
// changes there, or below, may change the image. Of a pattern it is the folder that it starts at.
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

// addKnown adds what was found out before.
func (a *assembly) addKnown(ctx context.Context) error {
	for _, e := range a.Known {
		if err := a.tree.Add(e); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// addFurther adds what was made elsewhere.
func (a *assembly) addFurther(ctx context.Context) error {
	for _, e := range a.Further {
		if err := a.tree.Add(e); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// addProgram adds the program, on top of all others. It is executable for everyone, whatever the umask
// of the build was: the image's user is not the one who built it.
func (a *assembly) addProgram(context.Context) error {
	if a.Program == "" {
		return nil
	}
	info, err := os.Stat(a.Binary)
	if err != nil {
		return fmt.Errorf("taking the program %q: %w", a.Binary, bare(err))
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("taking the program %q: it is a %s", a.Binary, kindOf(info.Mode().Type()))
	}
	return a.tree.Add(Entry{
		Path: path.Clean(a.Program), Mode: 0o755, Layer: Program,
		Reason: "the program", Source: HostFile(a.Binary),
	})
}

// addFile adds a file that is made here to the system layer.
func (a *assembly) addFile(path, content, reason string) error {
	return a.tree.Add(Entry{Path: path, Mode: 0o644, Reason: reason, Source: Bytes([]byte(content))})
}

// addLink adds a link to the system layer.
func (a *assembly) addLink(path, target, reason string) error {
	return a.tree.Add(Entry{Path: path, Mode: fs.ModeSymlink, Link: target, Reason: reason})
}

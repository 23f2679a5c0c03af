package buildertest

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// archive is the tar of an image's root file system. It contains each path once.
type archive struct {
	*tar.Writer
	names map[string]bool
}

func newArchive(w io.Writer) *archive {
	return &archive{tar.NewWriter(w), map[string]bool{"/": true}}
}

// unwanted are folders that no build reads.
var unwanted = []string{
	"/usr/local/go/test", "/usr/local/go/doc", "/usr/local/go/api", "/usr/local/go/pkg/obj",
	"/usr/share/man", "/usr/share/locale", "/usr/share/info", "/usr/share/doc-base", "/usr/share/lintian", "/usr/share/bug",
}

func wanted(name string) bool {
	for _, dir := range unwanted {
		if name == dir || strings.HasPrefix(name, dir+"/") {
			return false
		}
	}
	// Of the documentation, only licences are kept.
	return !strings.HasPrefix(name, "/usr/share/doc/") || path.Base(name) == "copyright"
}

// addTree adds a folder of this machine, with everything in it, as a folder of the image.
func (a *archive) addTree(dir, as string) error {
	return filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		name := path.Join(as, filepath.ToSlash(rel))
		if !wanted(name) {
			if d.IsDir() && name != "/usr/share/doc" && path.Dir(name) != "/usr/share/doc" {
				return fs.SkipDir
			}
			return nil
		}
		return a.addAs(file, name)
	})
}

// addAs adds a file, link or folder of this machine, and its parent folders.
func (a *archive) addAs(file, name string) error {
	if a.names[name] {
		return nil
	}
	info, err := os.Lstat(file)
	if err != nil {
		return err
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(file); err != nil {
			return err
		}
	} else if !info.IsDir() && !info.Mode().IsRegular() {
		return nil
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "", ""
	if err := a.put(name, header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(a, in)
	return errors.Join(err, in.Close())
}

// put writes a header, after those of missing parent folders.
func (a *archive) put(name string, h *tar.Header) error {
	if dir := path.Dir(name); !a.names[dir] {
		if err := a.addDir(dir, 0o755); err != nil {
			return err
		}
	}
	a.names[name] = true
	h.Name = strings.TrimPrefix(name, "/")
	if h.Typeflag == tar.TypeDir {
		h.Name += "/"
	}
	return a.WriteHeader(h)
}

func (a *archive) addDir(name string, mode int64) error {
	if a.names[name] {
		return nil
	}
	return a.put(name, &tar.Header{Typeflag: tar.TypeDir, Mode: mode})
}

func (a *archive) addLink(name, target string) error {
	if a.names[name] {
		return nil
	}
	return a.put(name, &tar.Header{Typeflag: tar.TypeSymlink, Mode: 0o777, Linkname: target})
}

func (a *archive) addText(name, text string) error {
	if a.names[name] {
		return nil
	}
	if err := a.put(name, &tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))}); err != nil {
		return err
	}
	_, err := io.WriteString(a, text)
	return err
}

// addBasics adds what the packages' scripts would have created.
func (a *archive) addBasics() error {
	for _, dir := range []struct {
		name string
		mode int64
	}{{"/tmp", 0o1777}, {"/var/tmp", 0o1777}, {"/root", 0o700}, {"/go", 0o1777}, {"/go/src", 0o1777}, {"/go/bin", 0o1777}, {"/proc", 0o755}, {"/sys", 0o755}, {"/dev", 0o755}} {
		if err := a.addDir(dir.name, dir.mode); err != nil {
			return err
		}
	}
	for _, link := range [][2]string{{"/usr/bin/cc", "gcc"}, {"/usr/bin/c++", "g++"}} {
		if err := a.addLink(link[0], link[1]); err != nil {
			return err
		}
	}
	// dash is in /bin or /usr/bin: an unpacked Debian may have its own folder /bin, or a link to /usr/bin.
	for _, dir := range []string{"/bin", "/usr/bin"} {
		if a.names[dir+"/dash"] {
			if err := a.addLink(dir+"/sh", "dash"); err != nil {
				return err
			}
		}
	}
	for _, file := range [][2]string{
		{"/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
		{"/etc/group", "root:x:0:\nnogroup:x:65534:\n"},
		{"/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n"},
	} {
		if err := a.addText(file[0], file[1]); err != nil {
			return err
		}
	}
	return a.addCertificates()
}

// addCertificates adds this machine's bundle, which a package's script has created.
func (a *archive) addCertificates() error {
	const bundle = "/etc/ssl/certs/ca-certificates.crt"
	if _, err := os.Stat(bundle); err != nil {
		return nil // a test that needs certificates finds none
	}
	return a.addAs(bundle, bundle)
}

package rootfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// openSSLDir precedes the folder of OpenSSL's configuration and certificates in libcrypto, see
// OpenSSL_version(3) and https://docs.openssl.org/master/man7/openssl-env.
const openSSLDir = `OPENSSLDIR: "`

// maxCrypto limits how much of a libcrypto is read; real ones have 2 to 8 MB.
const maxCrypto = 64 << 20

// addOpenSSL links the only place where OpenSSL looks for certificates to the bundle.
func (a *assembly) addOpenSSL(context.Context) error {
	if _, ok := a.tree.Lookup(bundlePath); !ok {
		return nil
	}
	for _, o := range a.libraryObjects() {
		// Other projects have libraries of this name too; not all contain the text.
		if !strings.HasPrefix(path.Base(o.Real), "libcrypto.so") {
			continue
		}
		dir, err := readOpenSSLDir(SysrootFile(a.Sysroot, o.Real))
		if err != nil {
			return fmt.Errorf("reading %q: %w", o.Real, withoutPath(err))
		}
		if err := a.linkOpenSSL(dir, o.Path); err != nil {
			return err
		}
	}
	return nil
}

// linkOpenSSL adds links at the paths of X509_get_default_cert_file and X509_get_default_cert_dir, unless
// they already exist.
func (a *assembly) linkOpenSSL(dir, library string) error {
	if checkPath(dir) != nil {
		return nil // built without a usable path: only SSL_CERT_FILE works
	}
	for _, l := range [][2]string{
		{path.Join(dir, "cert.pem"), bundlePath},
		{path.Join(dir, "certs"), certsDir},
	} {
		// Alpine uses /etc/ssl, where both already exist.
		if _, err := a.tree.Stat(inFS(l[0])); err == nil {
			continue
		}
		err := a.tree.Add(Entry{
			Path: l[0], Mode: fs.ModeSymlink, Link: l[1],
			Reason: "where " + library + " looks for certificates", For: library,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readOpenSSLDir returns the folder that a libcrypto was built with, "" if it is not found.
func readOpenSSLDir(s Source) (dir string, err error) {
	r, err := s.Open()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	content, err := io.ReadAll(io.LimitReader(r, maxCrypto))
	if err != nil {
		return "", err
	}
	_, rest, found := bytes.Cut(content, []byte(openSSLDir))
	name, _, closed := bytes.Cut(rest[:min(len(rest), 4096)], []byte(`"`))
	if !found || !closed {
		return "", nil
	}
	return string(name), nil
}

package rootfs

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// bundles is where the distributions have their certificates: the list of Go's crypto/x509, see
// https://go.dev/src/crypto/x509/root_linux.go.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Gentoo
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL 6
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/tls/cacert.pem",                           // OpenELEC
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS, RHEL 7
	"/etc/ssl/cert.pem",                                 // Alpine, macOS
}

// Where programs in the image look. Go and GnuTLS read the first, LibreSSL and Alpine's OpenSSL the
// second. Go reads every file in /etc/ssl/certs as well, so there is only this one.
const (
	bundlePath = "/etc/ssl/certs/ca-certificates.crt"
	bundleLink = "/etc/ssl/cert.pem"
	certsDir   = "/etc/ssl/certs"
)

// FindBundle returns the host's certificate bundle, as Go's crypto/x509 finds it on Linux: the file
// sslCertFile, which is the value of the variable SSL_CERT_FILE, or the first of a list that exists.
func FindBundle(sslCertFile string) (path string, err error) {
	if sslCertFile != "" {
		if _, err := os.Stat(sslCertFile); err != nil {
			return "", fmt.Errorf("finding the certificates that SSL_CERT_FILE names, %q: %w\n"+
				"fix: let SSL_CERT_FILE name a file, or unset it", sslCertFile, bare(err))
		}
		return sslCertFile, nil
	}
	return findBundle(bundles)
}

// BundlePlaces are the paths of which [FindBundle] takes the first that exists.
func BundlePlaces() []string { return slices.Clone(bundles) }

// findBundle returns the first file of a list that exists.
func findBundle(list []string) (string, error) {
	for _, p := range list {
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			return p, nil
		}
	}
	return "", fmt.Errorf("finding the certificates of this machine: none of %q exists\n"+
		"fix: install the package ca-certificates, or set SSL_CERT_FILE to a PEM file", list)
}

// addCertificates adds the authorities that TLS clients trust. Without them Go's pool of certificates
// is empty, with no error until the first handshake.
func (a *assembly) addCertificates(context.Context) error {
	if bundle, ok := BaseBundle(a.Base); ok && !a.Certificates.OnlyExtra {
		return a.addToBundle(bundle)
	}
	source, reason, err := a.bundle()
	if err != nil || source == (Source{}) {
		return err
	}
	err = a.tree.Add(Entry{Path: bundlePath, Mode: 0o644, Reason: reason, Source: source})
	if err != nil {
		return err
	}
	return a.addLink(bundleLink, "certs/ca-certificates.crt", "where LibreSSL and Alpine look for certificates")
}

// BaseBundle is the certificate bundle that a base has, where Go's crypto/x509 looks for one; ok is false without one.
func BaseBundle(base ldd.FS) (path string, ok bool) {
	a := &assembly{Spec: Spec{Base: base}}
	i := slices.IndexFunc(bundles, a.baseHas)
	if i < 0 {
		return "", false
	}
	return bundles[i], true
}

// addToBundle adds the extra certificates to the base's bundle. Where there are none, it stays what it is.
func (a *assembly) addToBundle(name string) error {
	if len(a.Certificates.Extra) == 0 {
		return nil
	}
	content, err := readSmall(a.Base, name, maxBundle)
	if err != nil {
		return fmt.Errorf("reading the certificates %q of the base: %w", name, bare(err))
	}
	for _, file := range a.Certificates.Extra {
		extra, err := readExtra(a.host(file))
		if err != nil {
			return err
		}
		if len(content) > 0 && content[len(content)-1] != '\n' {
			content = append(content, '\n')
		}
		content = append(content, extra...)
	}
	return a.replaceBase(name, string(content), "certificate authorities of the base, and extra ones")
}

// maxBundle bounds a base's bundle, in bytes; real ones have a quarter of a megabyte.
const maxBundle = 64 << 20

// bundle is the host's bundle and the extra certificates, zero when neither is wanted.
func (a *assembly) bundle() (Source, string, error) {
	var content []byte
	var source Source
	reason := "extra certificate authorities"
	if !a.Certificates.OnlyExtra {
		file, err := a.hostBundle()
		if err != nil {
			return Source{}, "", err
		}
		if content, err = readBundle(file); err != nil {
			return Source{}, "", err
		}
		source, reason = HostFile(file), "certificate authorities of "+cmp.Or(a.Certificates.Name, file)
	}
	// The bundle itself stays as it is, comments and all: it is what the distribution vouches for.
	for _, name := range a.Certificates.Extra {
		extra, err := readExtra(a.host(name))
		if err != nil {
			return Source{}, "", err
		}
		if len(content) > 0 && content[len(content)-1] != '\n' {
			content = append(content, '\n')
		}
		content = append(content, extra...)
		source = Bytes(content)
	}
	return source, reason, nil
}

// hostBundle is the path of the bundle on this machine, searched for when the user names none.
func (a *assembly) hostBundle() (string, error) {
	if a.Certificates.Bundle == "" {
		return FindBundle("")
	}
	return a.host(a.Certificates.Bundle), nil
}

// maxCertificates bounds a file of certificates, in bytes: those of a distribution have 200 KB.
const maxCertificates = 16 << 20

// readCertificates reads a file of certificates, which may be a Builder's.
func readCertificates(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	return readAtMost(f, maxCertificates)
}

// readAtMost reads a file and closes it. One with more bytes than most is an error, whatever size it claims.
func readAtMost(f io.ReadCloser, most int64) (content []byte, err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	content, err = io.ReadAll(io.LimitReader(f, most+1))
	if int64(len(content)) > most {
		return nil, fmt.Errorf("it has more than %d bytes", most)
	}
	return content, err
}

// readBundle reads the host's bundle. Like Go it takes no offence at certificates that it cannot read,
// but there must be one that it can.
func readBundle(file string) ([]byte, error) {
	const fix = "\nfix: reinstall the package ca-certificates, or set SSL_CERT_FILE to a PEM file"
	content, err := readCertificates(file)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates %q: %w"+fix, file, bare(err))
	}
	for rest := content; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, fmt.Errorf("reading the certificates %q: there are none in PEM form"+fix, file)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == pemType {
			return content, nil
		}
	}
}

// pemType is the label of a certificate, RFC 7468 section 5.
const pemType = "CERTIFICATE"

// readExtra reads certificates that the user wants to be trusted: here every one has to be right. It
// returns them in one form, without the comments and attributes around them.
func readExtra(file string) ([]byte, error) {
	content, err := readCertificates(file)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates %q: %w\n"+
			"fix: correct the path in Certificates", file, bare(err))
	}
	pems, err := parseExtra(content)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates %q: %w", file, err)
	}
	return pems, nil
}

// parseExtra checks PEM text block by block. A key among the certificates is refused, not left out: it
// would have been in every image.
func parseExtra(content []byte) ([]byte, error) {
	var out bytes.Buffer
	blocks := 0
	for rest := content; ; blocks++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != pemType {
			return nil, fmt.Errorf("block %d is a %s\nfix: put only certificates into the file: "+
				"all who have the image can read it", blocks+1, block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, fmt.Errorf("block %d: %w\nfix: export the certificate again", blocks+1, err)
		}
		// Without the headers of the block: RFC 7468 certificates have none.
		if err := pem.Encode(&out, &pem.Block{Type: pemType, Bytes: block.Bytes}); err != nil {
			return nil, err
		}
	}
	if blocks == 0 {
		// Most often this is the binary form, DER, which Windows and browsers export.
		return nil, errors.New("there are none in PEM form\n" +
			"fix: convert the file: openssl x509 -inform der -in FILE -out FILE.pem")
	}
	// pem.Decode passes over what it cannot decode.
	if begins := bytes.Count(content, []byte("-----BEGIN ")); begins != blocks {
		return nil, fmt.Errorf("%d of %d blocks are broken\nfix: export the certificates again", begins-blocks, begins)
	}
	return out.Bytes(), nil
}

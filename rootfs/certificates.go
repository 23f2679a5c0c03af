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

// bundles are the certificate bundles of the distributions: the list of Go's crypto/x509, see
// https://go.dev/src/crypto/x509/root_linux.go.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Gentoo
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL 6
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/tls/cacert.pem",                           // OpenELEC
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS, RHEL 7
	"/etc/ssl/cert.pem",                                 // Alpine, macOS
}

// Where programs in the image look: Go and GnuTLS read bundlePath, LibreSSL and Alpine's OpenSSL read
// bundleLink. Go also reads every other file in /etc/ssl/certs, so the bundle is the only one there.
const (
	bundlePath = "/etc/ssl/certs/ca-certificates.crt"
	bundleLink = "/etc/ssl/cert.pem"
	certsDir   = "/etc/ssl/certs"
)

// FindBundle returns the host's certificate bundle, as Go's crypto/x509 finds it on Linux: the file
// sslCertFile, which is the value of the variable SSL_CERT_FILE, or if that is "", the first of
// [BundlePlaces] that exists.
func FindBundle(sslCertFile string) (path string, err error) {
	if sslCertFile != "" {
		if _, err := os.Stat(sslCertFile); err != nil {
			return "", fmt.Errorf("finding the certificates that SSL_CERT_FILE names, %q: %w\n"+
				"fix: let SSL_CERT_FILE name a file, or unset it", sslCertFile, withoutPath(err))
		}
		return sslCertFile, nil
	}
	return findBundle(bundles)
}

// BundlePlaces returns the paths that [FindBundle] searches, in order.
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

// addCertificates adds the authorities that TLS clients trust. Without them, Go's certificate pool is
// empty, and the first handshake fails.
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

// BaseBundle returns the certificate bundle of a base. It searches where Go's crypto/x509 does; ok is false
// if there is none.
func BaseBundle(base ldd.FS) (path string, ok bool) {
	a := &assembly{Spec: Spec{Base: base}}
	i := slices.IndexFunc(bundles, a.baseHas)
	if i < 0 {
		return "", false
	}
	return bundles[i], true
}

// addToBundle adds the extra certificates to the base's bundle. Without any, the bundle is unchanged.
func (a *assembly) addToBundle(name string) error {
	if len(a.Certificates.Extra) == 0 {
		return nil
	}
	content, err := readSmall(a.Base, name, maxBundle)
	if err != nil {
		return fmt.Errorf("reading the certificates %q of the base: %w", name, withoutPath(err))
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

// maxBundle limits the size of a base's bundle, in bytes; real ones have a quarter of a megabyte.
const maxBundle = 64 << 20

// bundle returns the host's bundle and the extra certificates, a zero Source if neither is wanted.
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
	// Keep the bundle unchanged, including comments, as the distribution ships it.
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

// hostBundle returns the path of the bundle on this machine. It searches if the user names none.
func (a *assembly) hostBundle() (string, error) {
	if a.Certificates.Bundle == "" {
		return FindBundle("")
	}
	return a.host(a.Certificates.Bundle), nil
}

// maxCertificates limits the size of a file of certificates, in bytes; those of a distribution have 200 KB.
const maxCertificates = 16 << 20

// readCertificates reads a file of certificates. The file may be a Builder's, so its size is limited.
func readCertificates(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	return readAtMost(f, maxCertificates)
}

// readAtMost reads a file and closes it. It counts the bytes that it reads, not the size that the file
// claims. More than most bytes are an error.
func readAtMost(f io.ReadCloser, most int64) (content []byte, err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	content, err = io.ReadAll(io.LimitReader(f, most+1))
	if int64(len(content)) > most {
		return nil, fmt.Errorf("it has more than %d bytes", most)
	}
	return content, err
}

// readBundle reads the host's bundle. Like Go it ignores certificates that it can't parse, but at least one
// must be valid.
func readBundle(file string) ([]byte, error) {
	const fix = "\nfix: reinstall the package ca-certificates, or set SSL_CERT_FILE to a PEM file"
	content, err := readCertificates(file)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates %q: %w"+fix, file, withoutPath(err))
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

// readExtra reads the user's extra certificates. Unlike in the bundle, every one must be valid. It returns
// them in a normal form, without the comments and attributes around them.
func readExtra(file string) ([]byte, error) {
	content, err := readCertificates(file)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates %q: %w\n"+
			"fix: correct the path in Certificates", file, withoutPath(err))
	}
	pems, err := parseExtra(content)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates %q: %w", file, err)
	}
	return pems, nil
}

// parseExtra checks PEM text block by block. It rejects a key among the certificates instead of skipping
// it, so that the user notices the mistake.
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
		// Drop the headers of the block: RFC 7468 certificates have none.
		if err := pem.Encode(&out, &pem.Block{Type: pemType, Bytes: block.Bytes}); err != nil {
			return nil, err
		}
	}
	if blocks == 0 {
		// Most likely this is DER, the binary form that Windows and browsers export.
		return nil, errors.New("there are none in PEM form\n" +
			"fix: convert the file: openssl x509 -inform der -in FILE -out FILE.pem")
	}
	// pem.Decode skips blocks that it cannot decode.
	if begins := bytes.Count(content, []byte("-----BEGIN ")); begins != blocks {
		return nil, fmt.Errorf("%d of %d blocks are broken\nfix: export the certificates again", begins-blocks, begins)
	}
	return out.Bytes(), nil
}

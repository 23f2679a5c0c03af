package host

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/go-connections/tlsconfig"
)

// pemFiles are the contents of a client's certificate files; nil if a file doesn't exist.
type pemFiles struct {
	dir           string
	ca, cert, key []byte
}

// usesTLS reports whether a host may use TLS. Sockets and ssh don't.
func usesTLS(host string) bool {
	return strings.HasPrefix(host, "tcp://") || strings.HasPrefix(host, "https://")
}

// tlsWanted reports whether the environment asks for TLS. As for the docker command, any value counts, even "0", and
// DOCKER_CERT_PATH alone doesn't.
func (o Options) tlsWanted() bool {
	return o.getenv("DOCKER_TLS_VERIFY") != "" || o.getenv("DOCKER_TLS") != ""
}

// envTLS returns TLS as the environment asks for it. The certificates are in DOCKER_CERT_PATH, else in the configuration
// folder. The server is verified only if DOCKER_TLS_VERIFY is set. ca.pem must exist; without cert.pem and key.pem the
// client sends no certificate. Source: https://github.com/docker/cli/blob/v28.5.2/cli/flags/options.go
func (o Options) envTLS() (*tls.Config, error) {
	files, err := readPEM(cmp.Or(o.getenv("DOCKER_CERT_PATH"), o.ConfigFolder()))
	if err != nil {
		return nil, err
	}
	if files.ca == nil {
		return nil, fmt.Errorf("reading the TLS certificates: %w", &fs.PathError{
			Op: "open", Path: filepath.Join(files.dir, "ca.pem"), Err: fs.ErrNotExist,
		})
	}
	return files.config(o.getenv("DOCKER_TLS_VERIFY") == "")
}

// contextTLS returns TLS as a context asks for it: nil if it has no certificates and wanted is false.
func (o Options) contextTLS(name string, wanted, skipVerify bool) (*tls.Config, error) {
	dir := filepath.Join(o.ConfigFolder(), "contexts", "tls", contextID(name), "docker")
	if _, err := os.Stat(dir); err != nil && !wanted {
		return nil, nil
	}
	files, err := readPEM(dir)
	if err != nil {
		return nil, err
	}
	return files.config(skipVerify)
}

// readPEM reads the three files of a certificate folder. Any of them may be missing.
func readPEM(dir string) (pemFiles, error) {
	files := pemFiles{dir: dir}
	for _, f := range []struct {
		name    string
		content *[]byte
	}{{"ca.pem", &files.ca}, {"cert.pem", &files.cert}, {"key.pem", &files.key}} {
		content, err := os.ReadFile(filepath.Join(dir, f.name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return files, fmt.Errorf("reading the TLS certificates: %w", err)
		}
		*f.content = content
	}
	return files, nil
}

// config returns the client's side of TLS. With ca.pem it trusts only servers that ca.pem signed, else the system's roots.
func (p pemFiles) config(skipVerify bool) (*tls.Config, error) {
	config := tlsconfig.ClientDefault()
	config.InsecureSkipVerify = skipVerify
	if p.ca != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(p.ca) {
			return nil, fmt.Errorf("reading %q: no certificate in it", filepath.Join(p.dir, "ca.pem"))
		}
	}
	if p.cert == nil || p.key == nil {
		return config, nil
	}
	pair, err := tls.X509KeyPair(p.cert, p.key)
	if err != nil {
		return nil, fmt.Errorf("reading cert.pem and key.pem in %q: %w", p.dir, err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

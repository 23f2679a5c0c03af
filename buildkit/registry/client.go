package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"

	"github.com/distribution/reference"
	orasregistry "oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/fromscratch-go/fromscratch/buildkit/stall"
)

// userAgent is how we are known to registries.
const userAgent = "fromscratch"

// client speaks to one repository.
type client struct {
	name      string // "registry.example/acme/hello"
	host      string // where the registry is reached
	repo      *remote.Repository
	transport *http.Transport
	wire      *wire
	secrets   *secrets
}

// open makes a client, and finds out whether the registry speaks TLS.
func (r PushRequest) open(ctx context.Context) (*client, error) {
	named, err := reference.ParseNormalizedNamed(r.Repository)
	if err != nil || !reference.IsNameOnly(named) {
		return nil, fmt.Errorf("reading the repository %q: it is not a name like \"registry.example/acme/hello\", without a tag", r.Repository)
	}
	ref := orasregistry.Reference{Registry: reference.Domain(named), Repository: reference.Path(named)}
	c := &client{name: named.Name(), host: ref.Host(), secrets: &secrets{}}
	if c.transport, err = r.transport(); err != nil {
		return nil, err
	}
	c.wire = &wire{base: &stall.Transport{Base: c.transport, Answer: r.Answer, Move: r.Move}, host: c.host}
	credential := func(ctx context.Context, host string) (auth.Credential, error) {
		if host != c.host {
			return auth.EmptyCredential, nil
		}
		cred, err := r.Credentials.find(ctx, c.host, c.name)
		c.secrets.add(cred)
		if err != nil {
			return cred, &localError{err}
		}
		return cred, nil
	}
	c.repo = &remote.Repository{
		Reference: ref,
		// The old index of referrers may be in use by others, and many registries refuse to delete.
		SkipReferrersGC: true,
		Client: &auth.Client{
			Client: &http.Client{Transport: c.wire}, Credential: credential, Cache: auth.NewCache(),
			Header: http.Header{"User-Agent": {userAgent}},
		},
	}
	c.wire.plain = r.PlainHTTP
	if !r.PlainHTTP && loopback(c.host) {
		err = r.retry(ctx, func(ctx context.Context) error {
			c.wire.plain, err = c.speaksPlain(ctx)
			return err
		})
	}
	c.repo.PlainHTTP = c.wire.plain
	return c, err
}

// close leaves no connection open.
func (c *client) close() { c.transport.CloseIdleConnections() }

// transport is the one of the standard library, with the certificate authorities of the system and of the request.
func (r PushRequest) transport() (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if r.CAFile == "" {
		return t, nil
	}
	pool, err := Authorities(r.CAFile)
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// Authorities are the certificate authorities of the system and of a PEM file. It fails when the file has none.
func Authorities(file string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates for registries: %w\nfix: set IMAGE_REGISTRY_CA to a PEM file", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("reading the certificates for registries: there is none in %q\nfix: set IMAGE_REGISTRY_CA to a PEM file", file)
	}
	return pool, nil
}

// loopback tells whether a registry is on this machine, where nobody listens on the way.
func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback() || name == "[::1]"
}

// speaksPlain asks a registry on this machine whether it speaks TLS: test registries do not.
func (c *client) speaksPlain(ctx context.Context) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+c.host+"/v2/", nil)
	if err != nil {
		return false, err
	}
	resp, err := (&http.Client{Transport: c.wire}).Do(req)
	var record tls.RecordHeaderError
	switch {
	case err == nil:
		return false, resp.Body.Close()
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return true, nil
	}
	return false, err
}

// wire is what all requests go through: it keeps logins from where they do not belong, and notes what a retry must know.
type wire struct {
	base  http.RoundTripper
	host  string
	plain bool // the registry speaks HTTP without TLS
}

// RoundTrip is [http.RoundTripper].
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "http" && !w.plain {
		err := fmt.Errorf("the registry leads to an address without TLS, http://%s", req.URL.Host)
		if req.Body != nil {
			err = errors.Join(err, req.Body.Close())
		}
		return nil, &localError{err}
	}
	// A registry may have a blob sent elsewhere, to an address that is signed. The login is not for there.
	if req.Method == http.MethodPut && req.URL.Host != w.host && req.Header.Get("Authorization") != "" {
		req = req.Clone(req.Context())
		req.Header.Del("Authorization")
	}
	resp, err := w.base.RoundTrip(req)
	if a, ok := req.Context().Value(attemptKey{}).(*attempt); ok && err == nil {
		a.note(resp)
	}
	return resp, err
}

// localError is one of this machine: another try would not help.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// secrets are what must not be told.
type secrets struct {
	mu   sync.Mutex
	list []string
}

// add remembers what is secret about a login.
func (s *secrets) add(cred auth.Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	basic := base64.StdEncoding.EncodeToString([]byte(cred.Username + ":" + cred.Password))
	for _, text := range []string{cred.Password, cred.RefreshToken, cred.AccessToken, basic} {
		if text != "" && !slices.Contains(s.list, text) {
			s.list = append(s.list, text)
		}
	}
}

package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"
	orasregistry "oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/login"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/stall"
)

// userAgent is the User-Agent header of all requests.
const userAgent = "fromscratch"

// Options say which repository a client reaches, and how. Repository must be set.
type Options struct {
	// Repository is the name with its registry: "registry.example/acme/hello". A tag or digest is ignored.
	Repository reference.Named
	// Credentials says where to look for logins. Default: nowhere.
	Credentials login.Places
	// CAFile is a PEM file of certificate authorities to trust in addition to the system's. "" is none.
	CAFile string
	// PlainHTTP turns TLS off. By default it is off only for registries on this machine (localhost, 127.0.0.1, ::1) that do
	// not speak it.
	PlainHTTP bool
	// Answer and Move are the limits of [stall.Transport], with its defaults.
	Answer, Move time.Duration
	// Retry retries requests without an answer, or with an answer that means busy or broken (408, 429, 5xx). By default that
	// is left to the caller.
	Retry bool
	// Heard, if set, is called with each answer and its request's context.
	Heard func(context.Context, *http.Response)
}

// Client speaks to one repository.
type Client struct {
	// Name is the repository's name with its registry: "registry.example/acme/hello".
	Name string
	// Host is the registry's address: "registry.example:5000", "registry-1.docker.io".
	Host string
	// Repo makes the requests.
	Repo *remote.Repository

	transport *http.Transport
	wire      *wire
	secrets   secrets
}

// Open returns a client. It sends no request; call [Client.Probe] before any other. Open fails if CAFile has no
// certificate.
func Open(o Options) (*Client, error) {
	ref := orasregistry.Reference{Registry: reference.Domain(o.Repository), Repository: reference.Path(o.Repository)}
	c := &Client{Name: o.Repository.Name(), Host: ref.Host()}
	var err error
	if c.transport, err = transport(o.CAFile); err != nil {
		return nil, err
	}
	var base http.RoundTripper = &stall.Transport{Base: c.transport, Answer: o.Answer, Move: o.Move}
	if o.Retry {
		base = retry.NewTransport(base)
	}
	c.wire = &wire{base: base, proxy: c.transport.Proxy, host: c.Host, plain: o.PlainHTTP, named: o.PlainHTTP, heard: o.Heard, sent: c.secrets.sent}
	credential := func(ctx context.Context, host string) (auth.Credential, error) {
		if host != c.Host {
			return auth.EmptyCredential, nil
		}
		cred, err := o.Credentials.Find(ctx, c.Host, c.Name)
		c.secrets.add(cred)
		if err != nil {
			return cred, &LocalError{err}
		}
		return cred, nil
	}
	c.Repo = &remote.Repository{
		Reference: ref, PlainHTTP: o.PlainHTTP,
		// Others may use the old index of referrers, and many registries refuse to delete.
		SkipReferrersGC: true,
		Client: &auth.Client{
			Client: &http.Client{Transport: c.wire}, Credential: credential, Cache: auth.NewCache(),
			Header: http.Header{"User-Agent": {userAgent}},
		},
	}
	return c, nil
}

// Probe asks a registry on this machine whether it speaks TLS, without a login. It does nothing for other registries. Only an
// answer in plain HTTP means that there is no TLS; any other failure is an error.
func (c *Client) Probe(ctx context.Context) error {
	if c.wire.plain || !Loopback(c.Host) {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+c.Host+"/v2/", nil)
	if err != nil {
		return err
	}
	// A redirect could lead to another server.
	resp, err := (&http.Client{Transport: c.wire, CheckRedirect: stay}).Do(req)
	switch {
	case err == nil:
		return resp.Body.Close()
	case errors.Is(err, http.ErrSchemeMismatch):
		c.wire.plain, c.Repo.PlainHTTP = true, true
		return nil
	}
	return err
}

// stay follows no redirect.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close closes the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// idleTimeout closes unused connections of clients that are never closed.
const idleTimeout = 10 * time.Second

// transport returns the standard library's transport, with the certificate authorities of the system and of a file.
func transport(file string) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.IdleConnTimeout = idleTimeout
	t.OnProxyConnectResponse = proxyAnswers
	if file == "" {
		return t, nil
	}
	pool, err := Authorities(file)
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// Authorities returns the certificate authorities of the system and of a PEM file. It fails if the file has none.
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

// Loopback reports whether a registry is on this machine, so that nobody can listen on the way.
func Loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback() || name == "[::1]"
}

// Hide replaces the secrets of all used logins in a text with dots.
func (c *Client) Hide(text string) string {
	c.secrets.mu.Lock()
	defer c.secrets.mu.Unlock()
	for _, s := range c.secrets.list {
		text = strings.ReplaceAll(text, s, "•••")
	}
	return text
}

// Words is [Words] without the secrets of logins. They are hidden first, because a long text is cut off.
func (c *Client) Words(text string) string { return Words(c.Hide(text)) }

// secrets are texts that must not be shown.
type secrets struct {
	mu   sync.Mutex
	list []string
}

// add remembers the secrets of a login.
func (s *secrets) add(cred auth.Credential) {
	s.remember(cred.Password, cred.RefreshToken, cred.AccessToken)
}

// sent remembers the secret of an Authorization header: the encoded password of Basic, or a token.
func (s *secrets) sent(authorization string) {
	if _, text, ok := strings.Cut(authorization, " "); ok {
		s.remember(text)
	}
}

func (s *secrets) remember(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range texts {
		if text != "" && !slices.Contains(s.list, text) {
			s.list = append(s.list, text)
		}
	}
}

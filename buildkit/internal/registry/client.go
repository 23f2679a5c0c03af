package registry

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"

	"github.com/distribution/reference"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/login"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry/access"
)

// Credentials says where to look for logins. The zero value finds none.
type Credentials = login.Places

// client speaks to one repository.
type client struct {
	doing  string // for errors: "pushing to"
	help   string // for errors about which nothing better is known; "" for nothing
	name   string // "registry.example/acme/hello"
	host   string // the registry's address
	repo   *remote.Repository
	access *access.Client
}

// open returns a client, after asking whether the registry speaks TLS.
func (r PushRequest) open(ctx context.Context) (*client, error) {
	named, err := reference.ParseNormalizedNamed(r.Repository)
	if err != nil || !reference.IsNameOnly(named) {
		return nil, fmt.Errorf("reading the repository %q: it is not a name like \"registry.example/acme/hello\", without a tag", r.Repository)
	}
	a, err := access.Open(access.Options{
		Repository: named, Credentials: r.Credentials, CAFile: r.CAFile, PlainHTTP: r.PlainHTTP,
		Answer: r.Answer, Move: r.Move, Heard: heard,
	})
	if err != nil {
		return nil, err
	}
	c := &client{doing: "pushing to", name: a.Name, host: a.Host, repo: a.Repo, access: a}
	return c, r.retry(ctx, a.Probe)
}

// close closes all connections.
func (c *client) close() { c.access.Close() }

// heard records what a retry must know about an answer.
func heard(ctx context.Context, resp *http.Response) {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		a.note(resp)
	}
}

// Authorities returns the certificate authorities of the system and of a PEM file. It fails if the file has none.
func Authorities(file string) (*x509.CertPool, error) { return access.Authorities(file) }

// localError reports a failure on this machine; retrying does not help.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// localOf returns the localError or [access.LocalError] in err, nil if there is none.
func localOf(err error) error {
	var local *localError
	if errors.As(err, &local) {
		return local
	}
	var refused *access.LocalError
	if errors.As(err, &refused) {
		return refused
	}
	return nil
}

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
	"github.com/fromscratch-go/fromscratch/buildkit/registry/access"
)

// Credentials says where logins are looked for. The zero value knows none.
type Credentials = login.Places

// client speaks to one repository.
type client struct {
	name   string // "registry.example/acme/hello"
	host   string // where the registry is reached
	repo   *remote.Repository
	access *access.Client
}

// open makes a client, and finds out whether the registry speaks TLS.
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
	c := &client{name: a.Name, host: a.Host, repo: a.Repo, access: a}
	return c, r.retry(ctx, a.Probe)
}

// close leaves no connection open.
func (c *client) close() { c.access.Close() }

// heard notes what a retry must know of an answer.
func heard(ctx context.Context, resp *http.Response) {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		a.note(resp)
	}
}

// Authorities are the certificate authorities of the system and of a PEM file. It fails when the file has none.
func Authorities(file string) (*x509.CertPool, error) { return access.Authorities(file) }

// localError is one of this machine: another try would not help.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// localOf finds an error of this machine in err, ours or one of [access]; nil is none.
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

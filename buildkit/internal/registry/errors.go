package registry

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry/access"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/stall"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Error reports a failed push, or a failed question about what is there.
type Error struct {
	Repository string
	// Local reports that the registry is not to blame: a layer could not be read, a login was not found, or a proxy failed.
	Local bool
	doing string
	text  string
	err   error
}

// Error returns a text with the registry's own words and without logins.
func (e *Error) Error() string { return fmt.Sprintf("%s %q: %s", e.doing, e.Repository, e.text) }
func (e *Error) Unwrap() error { return e.err }

// wrap turns err into an [*Error] with a text for people. nil stays nil.
func (c *client) wrap(err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimSpace(c.describe(err))
	if fix := cmp.Or(c.fix(err), c.help); fix != "" && !strings.Contains(text, "\nfix: ") {
		text += "\nfix: " + fix
	}
	var proxy *access.ProxyError
	local := localOf(err) != nil || errors.As(err, &proxy)
	return &Error{Repository: c.name, Local: local, doing: c.doing, text: c.access.Hide(text), err: err}
}

// step is an error with the step that failed.
type step struct {
	doing string
	err   error
}

func (s *step) Error() string { return s.doing + ": " + s.err.Error() }
func (s *step) Unwrap() error { return s.err }

// describe returns the text of an error without the queries of addresses, which may be signed, and without repetitions.
func (c *client) describe(err error) string {
	var doing *step
	if errors.As(err, &doing) && doing == err {
		return doing.doing + ": " + c.describe(doing.err)
	}
	if local := localOf(err); local != nil {
		return local.Error()
	}
	var proxy *access.ProxyError
	if errors.As(err, &proxy) {
		return proxy.Error()
	}
	var answer *errcode.ErrorResponse
	if errors.As(err, &answer) {
		words := http.StatusText(answer.StatusCode)
		for _, e := range answer.Errors {
			words += ", " + strings.ToLower(strings.ReplaceAll(c.access.Words(e.Code), "_", " "))
			if e.Message != "" {
				words += " (" + c.access.Words(e.Message) + ")"
			}
		}
		return fmt.Sprintf("%s %s: the registry answers %d %s", answer.Method, address(answer.URL), answer.StatusCode, words) + waits(err)
	}
	var broken *url.Error
	if errors.As(err, &broken) {
		where := broken.URL
		if u, parseErr := url.Parse(where); parseErr == nil {
			where = address(u)
		}
		return fmt.Sprintf("%s %s: %s", strings.ToUpper(broken.Op), where, c.describe(broken.Err))
	}
	return c.access.Words(err.Error())
}

// waits returns the end of an error of [PushRequest.retry], which says how long the registry asks to wait.
func waits(err error) string {
	if _, after, ok := strings.Cut(err.Error(), "; it asks to wait for "); ok {
		return "; it asks to wait for " + after
	}
	return ""
}

// address returns an address without its query and its user.
func address(u *url.URL) string {
	if u == nil {
		return ""
	}
	return plaintext.Field(u.Scheme + "://" + u.Host + u.Path)
}

// fix returns the text after "fix: ", "" if nothing is known to help.
func (c *client) fix(err error) string {
	var unknown x509.UnknownAuthorityError
	var answer *errcode.ErrorResponse
	var lookup *net.DNSError
	var stalled *stall.Error
	var proxy *access.ProxyError
	var lost *notStoredError
	var noTLS tls.RecordHeaderError
	login := fmt.Sprintf("log in with \"docker login %s\", as a user who may write to %s", c.repo.Reference.Registry, c.name)
	switch {
	case errors.As(err, &proxy):
		return proxy.Fix()
	case errors.As(err, &lost):
		return fmt.Sprintf("see whether the registry at %s can write to its storage, and run again", c.host)
	case errors.As(err, &unknown):
		return "set IMAGE_REGISTRY_CA to the PEM file of the registry's certificate authority"
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &noTLS):
		return fmt.Sprintf("if the registry has no TLS, set IMAGE_REGISTRY_HTTP=%s", c.host)
	case errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &lookup):
		return fmt.Sprintf("see whether the registry runs at %s, and whether Repo, or IMAGE_REPO, names the right one", c.host)
	case errors.As(err, &stalled):
		return fmt.Sprintf("see whether the registry at %s, or a proxy in front of it, still works, and run again: uploaded layers are kept", c.host)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return login
	case !errors.As(err, &answer):
		return ""
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return login
	case http.StatusNotFound:
		return "check the repository's name, and whether it must be created first"
	case http.StatusTooManyRequests:
		return "wait, and run again: uploaded layers are kept"
	case http.StatusRequestEntityTooLarge:
		return "raise the size limit for request bodies in the registry, or in the proxy in front of it, above the size of a layer"
	}
	return ""
}

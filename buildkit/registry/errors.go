package registry

import (
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

	"github.com/fromscratch-go/fromscratch/buildkit/registry/access"
	"github.com/fromscratch-go/fromscratch/buildkit/stall"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Error is what became of a push that failed.
type Error struct {
	Repository string
	// Local says that the registry is not to blame: a layer could not be read, a login not be found, or a proxy has not led
	// there.
	Local bool
	text  string
	err   error
}

// Error has the registry's own words, and no login.
func (e *Error) Error() string { return fmt.Sprintf("pushing to %q: %s", e.Repository, e.text) }
func (e *Error) Unwrap() error { return e.err }

// wrap makes an error for people.
func (c *client) wrap(err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimSpace(c.tell(err))
	if fix := c.fix(err); fix != "" && !strings.Contains(text, "\nfix: ") {
		text += "\nfix: " + fix
	}
	var proxy *access.ProxyError
	local := localOf(err) != nil || errors.As(err, &proxy)
	return &Error{Repository: c.name, Local: local, text: c.access.Hide(text), err: err}
}

// step says what was being done when an error came.
type step struct {
	doing string
	err   error
}

func (s *step) Error() string { return s.doing + ": " + s.err.Error() }
func (s *step) Unwrap() error { return s.err }

// tell is an error without the queries of addresses, which may be signed, and without what the client repeats.
func (c *client) tell(err error) string {
	var doing *step
	if errors.As(err, &doing) && doing == err {
		return doing.doing + ": " + c.tell(doing.err)
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
		return fmt.Sprintf("%s %s: %s", strings.ToUpper(broken.Op), where, c.tell(broken.Err))
	}
	return c.access.Words(err.Error())
}

// waits is the end of an error of [PushRequest.retry].
func waits(err error) string {
	if _, after, ok := strings.Cut(err.Error(), "; it asks to wait for "); ok {
		return "; it asks to wait for " + after
	}
	return ""
}

// address is an address without its query and its user.
func address(u *url.URL) string {
	if u == nil {
		return ""
	}
	return plaintext.Field(u.Scheme + "://" + u.Host + u.Path)
}

// fix is the line that helps.
func (c *client) fix(err error) string {
	var unknown x509.UnknownAuthorityError
	var answer *errcode.ErrorResponse
	var lookup *net.DNSError
	var stalled *stall.Error
	var proxy *access.ProxyError
	var lost *notStoredError
	login := fmt.Sprintf("log in with \"docker login %s\", as one who may write to %s", c.repo.Reference.Registry, c.name)
	switch {
	case errors.As(err, &proxy):
		return proxy.Fix()
	case errors.As(err, &lost):
		return fmt.Sprintf("see whether the registry at %s can write to its storage, and run again", c.host)
	case errors.As(err, &unknown):
		return "name the PEM file of the registry's authority with IMAGE_REGISTRY_CA"
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Sprintf("if it is to be without TLS, say so with IMAGE_REGISTRY_HTTP=%s", c.host)
	case errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &lookup):
		return fmt.Sprintf("see whether the registry runs at %s, and whether Repo, or IMAGE_REPO, names the right one", c.host)
	case errors.As(err, &stalled):
		return fmt.Sprintf("see whether the registry at %s, or a proxy before it, still works, and run again: what was sent stays there", c.host)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return login
	case !errors.As(err, &answer):
		return ""
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return login
	case http.StatusNotFound:
		return "see whether the repository has to be made first, and whether its name is right"
	case http.StatusTooManyRequests:
		return "wait, and run again: what was sent stays there"
	case http.StatusRequestEntityTooLarge:
		return "let the registry, or the proxy before it, take bodies of the size of a layer"
	}
	return ""
}

package access

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// LocalError reports a failure on this machine, or a request that this machine refuses to send. Retrying does not help.
type LocalError struct{ Err error }

// Error returns the text of Err.
func (e *LocalError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *LocalError) Unwrap() error { return e.Err }

// ProxyError reports that a proxy failed before it reached the registry.
type ProxyError struct {
	Proxy  string // its address, without a password
	To     string // "registry.example:443"
	Status int    // of its answer; 0 if it was not reached
	Err    error
}

// Error names the proxy.
func (e *ProxyError) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("reaching the proxy %q for %q: %s", e.Proxy, e.To, e.Err)
	}
	return fmt.Sprintf("the proxy %q does not connect to %q: it answers %s", e.Proxy, e.To, Words(e.Err.Error()))
}

// Unwrap returns Err.
func (e *ProxyError) Unwrap() error { return e.Err }

// Fix returns the text after "fix: ".
func (e *ProxyError) Fix() string {
	host := e.To
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = plaintext.Shell(host) // a registry chooses where it redirects to
	if e.Status == http.StatusProxyAuthRequired {
		return fmt.Sprintf("put the proxy's user and password into HTTPS_PROXY, or set NO_PROXY=%s to go without it", host)
	}
	return fmt.Sprintf("see whether the proxy of HTTPS_PROXY works and lets %s through, or set NO_PROXY=%s to go without it", host, host)
}

// proxyAnswers returns an error for a proxy's refusal. The error of net/http has only the status line, which looks like the
// registry's.
func proxyAnswers(_ context.Context, proxy *url.URL, req *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Proxy: proxy.Redacted(), To: req.Host, Status: resp.StatusCode, Err: errors.New(resp.Status)}
}

// proxyFailed returns err as a [ProxyError] if a proxy was not reached, else as it is.
func proxyFailed(proxy func(*http.Request) (*url.URL, error), req *http.Request, err error) error {
	var dial *net.OpError
	if !errors.As(err, &dial) || dial.Op != "proxyconnect" {
		return err
	}
	e := &ProxyError{To: req.URL.Host, Err: dial.Err}
	if p := proxyOf(proxy, req); p != nil {
		e.Proxy = p.Redacted()
	}
	return e
}

// proxyOf returns the proxy of a request, nil if there is none.
func proxyOf(proxy func(*http.Request) (*url.URL, error), req *http.Request) *url.URL {
	if proxy == nil {
		return nil
	}
	p, err := proxy(req)
	if err != nil {
		return nil
	}
	return p
}

// maxWords limits how much of a registry's text is shown, in bytes.
const maxWords = 500

// query matches the query of an address in a text.
var query = regexp.MustCompile(`\?[^\s"'<>\\]*[=&][^\s"'<>\\]*`)

// HideQueries replaces the queries of addresses in a text with dots. They may be signed: a registry redirects to storage with
// such addresses.
func HideQueries(text string) string { return query.ReplaceAllLiteralString(text, "?•••") }

// Words makes a registry's text fit to be shown: one line of limited length, without control characters, HTML source and
// queries of addresses. A wrong host or a proxy may answer with a whole page.
func Words(text string) string {
	lower, page := asciiLower(text), len(text)
	for _, begin := range []string{"<!doctype html", "<html", "<head", "<body"} {
		if i := strings.Index(lower, begin); i >= 0 {
			page = min(page, i)
		}
	}
	if page < len(text) {
		text = text[:page] + "(an HTML page" + title(text[page:]) + ")"
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	text = HideQueries(strings.Join(strings.Fields(text), " "))
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + " …"
	}
	return plaintext.Field(text)
}

// title returns " with the title …" for an HTML page, "" if it has none.
func title(page string) string {
	lower := asciiLower(page)
	begin := strings.Index(lower, "<title>")
	if begin < 0 {
		return ""
	}
	begin += len("<title>")
	end := strings.Index(lower[begin:], "</title>")
	if end < 0 || end > 200 {
		return ""
	}
	return fmt.Sprintf(" with the title %q", strings.TrimSpace(page[begin:begin+end]))
}

// asciiLower returns a text with its ASCII letters in lower case. Every byte stays at its place.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// address returns an address without its query and its user.
func address(u *url.URL) string { return u.Scheme + "://" + u.Host + u.Path }

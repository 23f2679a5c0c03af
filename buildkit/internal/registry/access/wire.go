package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// wire is the transport of all requests. It makes sure that logins go only where they belong.
type wire struct {
	base  http.RoundTripper
	proxy func(*http.Request) (*url.URL, error)
	host  string
	plain bool // the registry speaks HTTP without TLS
	named bool // the user has named it as such
	heard func(context.Context, *http.Response)
	sent  func(authorization string) // called with each login that is sent

	mu     sync.Mutex
	realms map[string]bool // addresses of the token servers that the registry has named
}

// RoundTrip implements [http.RoundTripper].
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	own, token := w.own(req.URL), w.isToken(req)
	if err := w.refuse(req, token); err != nil {
		if req.Body != nil {
			err = errors.Join(err, req.Body.Close())
		}
		return nil, &LocalError{err}
	}
	if !own && !token && req.Header.Get("Authorization") != "" {
		req = req.Clone(req.Context())
		req.Header.Del("Authorization")
	}
	if login := req.Header.Get("Authorization"); login != "" {
		w.sent(login)
	}
	resp, err := w.base.RoundTrip(req)
	if err != nil {
		return nil, proxyFailed(w.proxy, req, err)
	}
	if resp.StatusCode == http.StatusProxyAuthRequired {
		if p := proxyOf(w.proxy, req); p != nil {
			err := &ProxyError{Proxy: p.Redacted(), To: req.URL.Host, Status: resp.StatusCode, Err: errors.New(resp.Status)}
			return nil, errors.Join(err, resp.Body.Close())
		}
	}
	if !own {
		resp.Header.Del("Www-Authenticate")
	} else if resp.StatusCode == http.StatusUnauthorized {
		w.challenge(resp)
	}
	if w.heard != nil {
		w.heard(req.Context(), resp)
	}
	return resp, nil
}

// refuse returns an error if a request must not be sent. A token server gets no login by plain HTTP over the network, unless
// the user has named the registry as one without TLS.
func (w *wire) refuse(req *http.Request, token bool) error {
	login := req.Header.Get("Authorization") != "" || req.Body != nil && req.Body != http.NoBody
	form := strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	switch {
	case req.URL.Scheme != "https" && !w.plain:
		return fmt.Errorf("the registry refers to an address without TLS, %q", address(req.URL))
	case token && login && req.URL.Scheme != "https" && !w.named && !Loopback(req.URL.Host):
		return fmt.Errorf("the registry %q wants the login sent without TLS, to %q\nfix: name the registry with IMAGE_REGISTRY_HTTP if that is right", w.host, address(req.URL))
	case form && !token: // the token server redirects the login
		return fmt.Errorf("the token server of the registry %q redirects to %q, and the login must not be sent there", w.host, address(req.URL))
	}
	return nil
}

// own reports whether an address belongs to the registry.
func (w *wire) own(u *url.URL) bool {
	scheme := "https"
	if w.plain {
		scheme = "http"
	}
	return u.Scheme == scheme && hostPort(u) == hostPort(&url.URL{Scheme: scheme, Host: w.host})
}

// hostPort returns the host and port of an address. The default is the port of its scheme.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// isToken reports whether a request goes to the token server. A redirected one does not count: it goes where that server
// wants.
func (w *wire) isToken(req *http.Request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return req.Response == nil && w.realms[realmKey(req.URL)]
}

// realmKey returns an address without its query.
func realmKey(u *url.URL) string { return u.Scheme + "://" + hostPort(u) + u.EscapedPath() }

// challenge rewrites Www-Authenticate in a form that has only one reading. It drops what it cannot parse: the answer is then
// a plain refusal.
// https://www.rfc-editor.org/rfc/rfc9110#field.www-authenticate
func (w *wire) challenge(resp *http.Response) {
	lines := resp.Header.Values("Www-Authenticate")
	resp.Header.Del("Www-Authenticate")
	for _, line := range lines {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch strings.ToLower(scheme) {
		case "basic":
			resp.Header.Set("Www-Authenticate", "Basic")
			return
		case "bearer":
			params := parameters(rest)
			realm, err := url.Parse(params["realm"])
			if err != nil || realm.Host == "" || realm.Scheme != "http" && realm.Scheme != "https" || realm.User != nil {
				continue
			}
			w.mu.Lock()
			if w.realms == nil {
				w.realms = map[string]bool{}
			}
			w.realms[realmKey(realm)] = true
			w.mu.Unlock()
			text := fmt.Sprintf(`Bearer realm="%s"`, realm)
			for _, name := range []string{"service", "scope"} {
				if value := params[name]; value != "" {
					text += fmt.Sprintf(`,%s="%s"`, name, value)
				}
			}
			resp.Header.Set("Www-Authenticate", text)
			return
		}
	}
}

// parameters returns the parameters of a challenge by their names in lower case. It stops at what it cannot parse, and leaves
// out values that need escapes.
func parameters(rest string) map[string]string {
	params := map[string]string{}
	for {
		name, value, ok := strings.Cut(rest, "=")
		name, value = strings.ToLower(strings.Trim(name, " \t,")), strings.TrimLeft(value, " \t")
		if !ok || name == "" || strings.ContainsAny(name, " \t\"") {
			return params
		}
		if strings.HasPrefix(value, `"`) {
			quoted, err := strconv.QuotedPrefix(value)
			if err != nil {
				return params
			}
			rest = value[len(quoted):]
			if value, err = strconv.Unquote(quoted); err != nil {
				return params
			}
		} else {
			value, rest, _ = strings.Cut(value, ",")
			value = strings.TrimSpace(value)
		}
		if _, twice := params[name]; !twice && !strings.ContainsFunc(value, unquotable) {
			params[name] = value
		}
	}
}

// unquotable reports whether a character cannot be between quotes without an escape.
func unquotable(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }

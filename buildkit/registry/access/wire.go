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

// wire is what all requests go through: it keeps logins from where they do not belong.
type wire struct {
	base  http.RoundTripper
	proxy func(*http.Request) (*url.URL, error)
	host  string
	plain bool // the registry speaks HTTP without TLS
	named bool // the user has named it as such
	heard func(context.Context, *http.Response)
	sent  func(authorization string) // hears what is sent as a login

	mu     sync.Mutex
	realms map[string]bool // addresses of token servers that the registry has named
}

// RoundTrip is [http.RoundTripper].
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

// refuse tells why a request must not be sent. The token server that is asked by HTTP gets no login over the network, unless
// the user has named the registry as one without TLS.
func (w *wire) refuse(req *http.Request, token bool) error {
	login := req.Header.Get("Authorization") != "" || req.Body != nil && req.Body != http.NoBody
	form := strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	switch {
	case req.URL.Scheme != "https" && !w.plain:
		return fmt.Errorf("the registry leads to an address without TLS, %q", address(req.URL))
	case token && login && req.URL.Scheme != "https" && !w.named && !Loopback(req.URL.Host):
		return fmt.Errorf("the registry %q wants the login sent without TLS, to %q\nfix: name the registry with IMAGE_REGISTRY_HTTP if that is right", w.host, address(req.URL))
	case form && !token: // a token server has sent the login on
		return fmt.Errorf("the token server of the registry %q leads to %q, and the login is not for there", w.host, address(req.URL))
	}
	return nil
}

// own tells whether an address is one of the registry.
func (w *wire) own(u *url.URL) bool {
	scheme := "https"
	if w.plain {
		scheme = "http"
	}
	return u.Scheme == scheme && hostPort(u) == hostPort(&url.URL{Scheme: scheme, Host: w.host})
}

// hostPort is where an address leads, with the port that its scheme implies.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// isToken tells whether a request is to the token server. A redirect is none: it leads where that server wants.
func (w *wire) isToken(req *http.Request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return req.Response == nil && w.realms[realmKey(req.URL)]
}

// realmKey is an address without its query.
func realmKey(u *url.URL) string { return u.Scheme + "://" + hostPort(u) + u.EscapedPath() }

// challenge reads what the registry wants, and writes it in a form that everybody reads alike. What cannot be read is taken
// out: then the answer is a plain refusal.
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

// parameters are those of a challenge, by their names in lower case. It ends at what it cannot read, and leaves out values
// that would have to be quoted.
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

// unquotable tells whether a character cannot stand between quotes.
func unquotable(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }

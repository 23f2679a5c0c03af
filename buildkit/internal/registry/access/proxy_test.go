package access_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/distribution/reference"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry/access"
)

func wantProxyError(t *testing.T, proxy string, plain bool, words, fix string) {
	t.Helper()
	named, err := reference.ParseNormalizedNamed("registry.example/acme/hello")
	if err != nil {
		t.Fatal(err)
	}
	c, err := access.Open(access.Options{Repository: named, PlainHTTP: plain})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	at, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	access.SetProxy(c, at)
	_, err = c.Repo.Resolve(context.Background(), "1")
	var p *access.ProxyError
	if !errors.As(err, &p) || !strings.Contains(p.Error(), words) || !strings.Contains(p.Error(), proxy) || !strings.Contains(p.Fix(), fix) {
		t.Errorf("the error is %v, want one of the proxy with %q and %q", err, words, fix)
	}
}

// The fix quotes the host for the shell, because a registry may redirect to any host.
func TestProxyFixIsQuoted(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusProxyAuthRequired, http.StatusForbidden} {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host == "registry.example" {
				http.Redirect(w, r, "http://$(reboot)/v2/acme/hello/manifests/1", http.StatusTemporaryRedirect)
				return
			}
			w.WriteHeader(http.StatusProxyAuthRequired)
		}))
		defer proxy.Close()
		wantProxyError(t, proxy.URL, true, "$(reboot)", "NO_PROXY='$(reboot)' to go")
		p := access.ProxyError{To: "$(reboot):443", Status: status}
		if fix := p.Fix(); strings.Count(fix, "$(reboot)") != strings.Count(fix, "'$(reboot)'") {
			t.Errorf("the fix is %q", fix)
		}
	}
}

// Words returns one line of limited length, without the source of a page.
func TestWords(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a text", "denied: no access", "denied: no access"},
		{"a page", "not JSON: <!DOCTYPE html>\n<HTML><title>Welcome</title>\n</HTML>", `not JSON: (an HTML page with the title "Welcome")`},
		{"a page without a title", "<html>", "(an HTML page)"},
		{"letters that grow in lower case", "İİİİ <html>", "İİİİ (an HTML page)"},
		{"control characters", "a\x1b[31mb\r\nfix: c\u009b", "a [31mb fix: c"},
		{"much", strings.Repeat("x", 10_000), strings.Repeat("x", 500) + " …"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := access.Words(tt.text); got != tt.want {
				t.Errorf("it is %q, want %q", got, tt.want)
			}
		})
	}
}

package access_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/distribution/reference"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry/access"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
)

const user, password = "me", "s3cret:word"

// open returns a client for a registry, with its login.
func open(t testing.TB, r *registrytest.Registry, o access.Options) *access.Client {
	t.Helper()
	secret := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	return openWith(t, r, o, `{"auth":"`+secret+`"}`)
}

// openWith returns a client for a registry, with a login in docker's format.
func openWith(t testing.TB, r *registrytest.Registry, o access.Options, login string) *access.Client {
	t.Helper()
	dir := t.TempDir()
	config := `{"auths":{"` + r.Host + `":` + login + `}}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	named, err := reference.ParseNormalizedNamed(r.Host + "/acme/hello")
	if err != nil {
		t.Fatal(err)
	}
	o.Repository, o.Credentials.DockerConfig, o.CAFile = named, dir, r.CAFile
	c, err := access.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// resolve asks a registry for a tag.
func resolve(t *testing.T, c *access.Client) error {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	err := c.Probe(ctx)
	if err == nil {
		_, err = c.Repo.Resolve(ctx, "1")
	}
	if ctx.Err() != nil {
		t.Fatalf("asking for a tag has not ended: %v", err)
	}
	return err
}

// wantNoLogin fails if a server was sent any part of the login.
func wantNoLogin(t *testing.T, r *registrytest.Registry) {
	t.Helper()
	for _, q := range r.Requests() {
		if q.Authorization != "" || strings.Contains(q.Form, "s3cret") || strings.Contains(q.Form, "password") {
			t.Errorf("the other server was sent %+v", q)
		}
	}
}

// A login goes only to its registry.
func TestLoginStaysWithItsRegistry(t *testing.T) {
	for _, tt := range []struct {
		name       string
		own, other registrytest.Options
		prepare    func(own, other *registrytest.Registry)
		fails      bool
	}{
		{name: "a redirect to a server that wants Basic", own: registrytest.Options{User: user, Password: password},
			prepare: func(own, other *registrytest.Registry) {
				own.Break(registrytest.HeadManifest, registrytest.Redirect(http.StatusTemporaryRedirect, other.URL))
				other.Break(registrytest.HeadManifest, registrytest.Challenge(`Basic realm="evil"`))
			}, fails: true},
		{name: "a redirect to a server with its own realm", own: registrytest.Options{User: user, Password: password},
			prepare: func(own, other *registrytest.Registry) {
				own.Break(registrytest.HeadManifest, registrytest.Redirect(http.StatusTemporaryRedirect, other.URL))
				other.Break(registrytest.HeadManifest, registrytest.Challenge(`Bearer realm="`+other.URL+`/token",service="x"`))
			}, fails: true},
		{name: "a redirect after the login, to another port", own: registrytest.Options{User: user, Password: password},
			prepare: func(own, other *registrytest.Registry) {
				own.Break(registrytest.HeadManifest, func(w http.ResponseWriter, r *http.Request) bool {
					if r.Header.Get("Authorization") == "" {
						return false
					}
					return registrytest.Redirect(http.StatusTemporaryRedirect, other.URL)(w, r)
				})
			}, fails: true},
		{name: "from TLS to a realm without TLS", own: registrytest.Options{User: user, Password: password, TLS: true},
			prepare: func(own, other *registrytest.Registry) {
				own.Break(registrytest.HeadManifest, registrytest.Challenge(`Bearer realm="`+other.URL+`/token",service="x"`))
			}, fails: true},
		{name: "from TLS to an address without TLS", own: registrytest.Options{User: user, Password: password, TLS: true},
			prepare: func(own, other *registrytest.Registry) {
				own.Break(registrytest.HeadManifest, registrytest.Redirect(http.StatusTemporaryRedirect, other.URL))
			}, fails: true},
		{name: "a token server that redirects elsewhere", own: registrytest.Options{User: user, Password: password, Realm: "self"},
			prepare: func(own, other *registrytest.Registry) {
				own.Break(registrytest.Token, registrytest.Redirect(http.StatusTemporaryRedirect, other.URL))
			}, fails: true},
		{name: "a challenge that two readers read differently", own: registrytest.Options{User: user, Password: password},
			prepare: func(own, other *registrytest.Registry) {
				own.Break(registrytest.HeadManifest, func(w http.ResponseWriter, r *http.Request) bool {
					w.Header().Add("Www-Authenticate", `Bearer realm="http://127.0.0.1:1/\"",realm="`+other.URL+`/token"`)
					w.WriteHeader(http.StatusUnauthorized)
					return true
				})
				// The registry names this realm, so it may get the login. Only the error matters here.
				other.Break(registrytest.Token, registrytest.Status(http.StatusNotFound, ""))
				own.Break(registrytest.Token, registrytest.Status(http.StatusNotFound, ""))
			}, fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			own, other := registrytest.Start(t, tt.own), registrytest.Start(t, tt.other)
			tt.prepare(own, other)
			err := resolve(t, open(t, own, access.Options{}))
			if (err != nil) != tt.fails {
				t.Errorf("the error is %v", err)
			}
			if err != nil && strings.Contains(err.Error(), password) {
				t.Errorf("the error %q has the password", err)
			}
			if tt.name == "a challenge that two readers read differently" {
				return
			}
			wantNoLogin(t, other)
		})
	}
}

// A redirect does not send an identity token along, which is in the body of a request to the token server.
func TestIdentityTokenStaysWithItsRegistry(t *testing.T) {
	for _, status := range []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect, http.StatusFound} {
		own := registrytest.Start(t, registrytest.Options{User: user, Password: password, Realm: "self"})
		other := registrytest.Start(t, registrytest.Options{})
		own.Break(registrytest.Token, registrytest.Redirect(status, other.URL))
		c := openWith(t, own, access.Options{}, `{"identitytoken":"s3cret-token"}`)
		if err := resolve(t, c); err == nil {
			t.Error("no error")
		}
		wantNoLogin(t, other)
		if all := own.Requests(); !slices.ContainsFunc(all, func(q registrytest.Request) bool { return strings.Contains(q.Form, "s3cret-token") }) {
			t.Errorf("the token was not sent to its registry: %+v", all)
		}
	}
}

// The right login works, by Basic and by a token, with and without TLS.
func TestLoginReachesItsRegistry(t *testing.T) {
	for name, o := range map[string]registrytest.Options{
		"Basic":          {},
		"Basic by TLS":   {TLS: true},
		"a token":        {Realm: "self"},
		"a token by TLS": {Realm: "self", TLS: true},
		"no realm":       {},
	} {
		t.Run(name, func(t *testing.T) {
			o.User, o.Password = user, password
			r := registrytest.Start(t, o)
			r.AddManifest("acme/hello", "1", "application/vnd.oci.image.manifest.v1+json", []byte("{}"))
			if err := resolve(t, open(t, r, access.Options{})); err != nil {
				t.Error(err)
			}
		})
	}
}

// A blob that the registry redirects elsewhere is fetched from there, without the login.
func TestBlobElsewhere(t *testing.T) {
	other := registrytest.Start(t, registrytest.Options{})
	own := registrytest.Start(t, registrytest.Options{User: user, Password: password})
	d := other.AddBlob([]byte("bytes"))
	own.Break(registrytest.GetBlob, func(w http.ResponseWriter, r *http.Request) bool {
		return r.Header.Get("Authorization") != "" && registrytest.Redirect(http.StatusTemporaryRedirect, other.URL)(w, r)
	})
	c := open(t, own, access.Options{})
	if err := c.Probe(context.Background()); err != nil {
		t.Fatal(err)
	}
	_, body, err := c.Repo.Blobs().FetchReference(context.Background(), d.String())
	if err != nil {
		t.Fatal(err)
	}
	body.Close()
	wantNoLogin(t, other)
}

// A registry on this machine that speaks TLS and fails is not asked without TLS: the login would be sent in the clear.
func TestNoDowngrade(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault registrytest.Fault
	}{
		{"it breaks the connection", registrytest.Cut},
		{"it answers with an error", registrytest.Status(http.StatusBadGateway, "")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := registrytest.Start(t, registrytest.Options{TLS: true, User: user, Password: password})
			for _, s := range registrytest.Steps {
				r.Break(s, tt.fault)
			}
			c := open(t, r, access.Options{})
			if err := resolve(t, c); err == nil {
				t.Error("no error")
			}
			if c.Repo.PlainHTTP {
				t.Error("it was asked without TLS")
			}
		})
	}
	t.Run("an unknown certificate", func(t *testing.T) {
		r := registrytest.Start(t, registrytest.Options{TLS: true, User: user, Password: password})
		r.CAFile = ""
		c := open(t, r, access.Options{})
		if err := resolve(t, c); err == nil || !strings.Contains(err.Error(), "certificate") || c.Repo.PlainHTTP {
			t.Errorf("the error is %v, without TLS: %v", err, c.Repo.PlainHTTP)
		}
	})
}

// The error for a refusal of a proxy names the proxy.
func TestProxyThatRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, words, fix string
		status           int
	}{
		{"it wants a login", "407 Proxy Authentication Required", "user and password", http.StatusProxyAuthRequired},
		{"it forbids", "403 Forbidden", "NO_PROXY=registry.example", http.StatusForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(tt.status) }))
			t.Cleanup(proxy.Close)
			for _, plain := range []bool{false, true} {
				if plain && tt.status != http.StatusProxyAuthRequired {
					continue // for http, the proxy's answer looks like the registry's
				}
				wantProxyError(t, proxy.URL, plain, tt.words, tt.fix)
			}
		})
	}
	t.Run("it is not there", func(t *testing.T) { wantProxyError(t, "http://127.0.0.1:1", false, "connection refused", "NO_PROXY") })
}

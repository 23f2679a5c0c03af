package base_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/base"
	"github.com/fromscratch-go/fromscratch/buildkit/registry/access"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
)

// pulled looks for a base in a registry, with its login in the file of podman.
func pulled(t *testing.T, r *registrytest.Registry) error {
	t.Helper()
	home := t.TempDir()
	file := filepath.Join(home, ".config/containers/auth.json")
	secret := base64.StdEncoding.EncodeToString([]byte("me:s3cret"))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(`{"auths":{"`+r.Host+`":{"auth":"`+secret+`"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	getenv := func(name string) string { return map[string]string{"HOME": home}[name] }
	f := base.Finder{Cache: t.TempDir(), CAFile: r.CAFile, Credentials: access.Credentials{Getenv: getenv}}
	_, err := f.Find(context.Background(), base.Request{Reference: r.Host + "/acme/base:1", Platform: amd64})
	return err
}

// A login of a pull goes to its registry and to nobody else.
func TestFindKeepsTheLogin(t *testing.T) {
	for _, tt := range []struct {
		name  string
		own   registrytest.Options
		fault func(other *registrytest.Registry) registrytest.Fault
	}{
		{"a redirect to another server", registrytest.Options{User: "me", Password: "s3cret"},
			func(other *registrytest.Registry) registrytest.Fault {
				return registrytest.Redirect(http.StatusTemporaryRedirect, other.URL)
			}},
		{"a realm without TLS", registrytest.Options{User: "me", Password: "s3cret", TLS: true},
			func(other *registrytest.Registry) registrytest.Fault {
				return registrytest.Challenge(`Bearer realm="` + other.URL + `/token"`)
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			own, other := registrytest.Start(t, tt.own), registrytest.Start(t, registrytest.Options{})
			own.Break(registrytest.HeadManifest, tt.fault(other))
			other.Break(registrytest.HeadManifest, registrytest.Challenge(`Bearer realm="`+other.URL+`/token"`))
			if err := pulled(t, own); err == nil {
				t.Error("no error")
			}
			for _, q := range other.Requests() {
				if q.Authorization != "" {
					t.Errorf("the other server was sent %+v", q)
				}
			}
		})
	}
}

// The logins of podman count for bases too.
func TestFindUsesPodmansLogin(t *testing.T) {
	r := registrytest.Start(t, registrytest.Options{User: "me", Password: "s3cret"})
	err := pulled(t, r)
	wantError(t, err, "not found", "fix: ") // behind the login there is no such base
	if all := r.Requests(); !strings.HasPrefix(all[len(all)-1].Authorization, "Basic ") {
		t.Errorf("the login was not sent: %+v", all)
	}
}

// A web server that is no registry is not printed whole.
func TestFindAtAWrongHost(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusNotFound, http.StatusForbidden} {
		r := registrytest.Start(t, registrytest.Options{})
		for _, s := range registrytest.Steps {
			r.Break(s, registrytest.Page(status))
		}
		err := pulled(t, r)
		wantError(t, err, "asking the registry", "fix: ")
		if strings.Contains(err.Error(), "It works!") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("the page is in %q", err)
		}
	}
}

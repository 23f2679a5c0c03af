package base_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/base"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/login"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
)

// pulled looks for a base in a registry, with the login in podman's file.
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
	f := base.Finder{Cache: t.TempDir(), CAFile: r.CAFile, Credentials: login.Places{Getenv: getenv}}
	_, err := f.Find(context.Background(), base.Request{Reference: r.Host + "/acme/base:1", Platform: amd64})
	return err
}

// A pull sends the login only to its registry.
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

// The logins of podman work for bases.
func TestFindUsesPodmansLogin(t *testing.T) {
	r := registrytest.Start(t, registrytest.Options{User: "me", Password: "s3cret"})
	err := pulled(t, r)
	wantError(t, err, "not found", "fix: ") // the login works, but there is no such base
	if all := r.Requests(); !strings.HasPrefix(all[len(all)-1].Authorization, "Basic ") {
		t.Errorf("the login was not sent: %+v", all)
	}
}

// The error for a web server that is no registry does not print its whole page.
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

// An error about a document or a layer shows the registry's words in one line, without logins and signed addresses.
func TestFindHidesSecrets(t *testing.T) {
	const manifest = `{"schemaVersion":2,"config":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}}`
	for name, fault := range map[string]registrytest.Fault{
		"403": registrytest.Status(http.StatusForbidden, ""), "another size": registrytest.Status(http.StatusOK, ""),
		"a page":        registrytest.Page(http.StatusForbidden),
		"it repeats it": registrytest.Status(http.StatusBadRequest, `{"errors":[{"code":"UNKNOWN","message":"Get \"https://s3.example/b?X-Amz-Signature=s1gned\": me:s3cret\u001b[2J\nfix: forged"}]}`),
	} {
		for _, step := range []registrytest.Step{registrytest.HeadManifest, registrytest.GetManifest, registrytest.GetBlob} {
			t.Run(name+" "+string(step), func(t *testing.T) {
				t.Parallel()
				own := registrytest.Start(t, registrytest.Options{User: "me", Password: "s3cret"})
				other := registrytest.Start(t, registrytest.Options{})
				own.AddManifest("acme/base", "1", "application/vnd.oci.image.manifest.v1+json", []byte(manifest))
				own.Break(step, func(w http.ResponseWriter, r *http.Request) bool {
					if r.Header.Get("Authorization") == "" {
						return false
					}
					w.Header().Set("Location", other.URL+r.URL.Path+"?X-Amz-Credential=key&X-Amz-Signature=s1gned")
					w.WriteHeader(http.StatusTemporaryRedirect)
					return true
				})
				for _, s := range registrytest.Steps {
					other.Break(s, fault)
				}
				err := pulled(t, own)
				wantError(t, err)
				for _, secret := range []string{"s1gned", "s3cret", "\x1b", "\nfix: forged", "It works"} {
					if err != nil && strings.Contains(err.Error(), secret) {
						t.Errorf("%q is in %q", secret, err)
					}
				}
			})
		}
	}
}

// A long answer is not cut off within a secret: half of a password must not be shown either.
func TestFindTellsNoPartOfASecret(t *testing.T) {
	t.Parallel()
	own := registrytest.Start(t, registrytest.Options{User: "me", Password: "s3cret"})
	own.AddManifest("acme/base", "1", "application/vnd.oci.image.manifest.v1+json", []byte(`{"schemaVersion":2}`))
	for n := range 10 { // it is cut off somewhere in this text
		message := strings.Repeat("x", n) + strings.Repeat(" s3cret", 100)
		own.Break(registrytest.GetManifest, registrytest.Status(http.StatusBadRequest, `{"errors":[{"code":"UNKNOWN","message":"`+message+`"}]}`))
		err := pulled(t, own)
		wantError(t, err, "•••")
		if err != nil && strings.Contains(err.Error(), "s3c") {
			t.Errorf("half of the password is in %q", err)
		}
	}
}

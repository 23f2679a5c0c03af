package access_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry/access"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
)

// FuzzRegistryAnswer lets a registry answer anything: status, challenge, location, type and body. The request must end, no
// error may have the password, and no other server may get it, unless the registry names it as its token server.
func FuzzRegistryAnswer(f *testing.F) {
	f.Add(401, `Bearer realm="OTHER/token",service="x"`, "", "text/html", "<html>")
	f.Add(401, `Basic realm="x"`, "", "application/json", `{"errors":[{"code":"DENIED","message":"no"}]}`)
	f.Add(307, "", "OTHER/v2/", "", "")
	f.Add(307, `Basic realm="x"`, "//OTHER", "", "")
	f.Add(200, "", "", "application/vnd.oci.image.manifest.v1+json", "{}")
	f.Add(401, "Bearer realm=\"http://[::1\",service=\"\\\"\"", "", "", "")
	own, other := registrytest.Start(f, registrytest.Options{User: user, Password: password}), registrytest.Start(f, registrytest.Options{})
	f.Fuzz(func(t *testing.T, status int, challenge, location, mediaType, body string) {
		if status < 200 || status > 599 {
			return
		}
		fill := func(s string) string { return strings.ReplaceAll(s, "OTHER", other.URL) }
		answer := func(w http.ResponseWriter, _ *http.Request) bool {
			for name, value := range map[string]string{"Www-Authenticate": fill(challenge), "Location": fill(location), "Content-Type": mediaType} {
				if value != "" {
					w.Header().Set(name, value)
				}
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return true
		}
		own.Break(registrytest.HeadManifest, answer)
		own.Break(registrytest.GetManifest, answer)
		for _, s := range registrytest.Steps {
			other.Break(s, registrytest.Challenge(`Bearer realm="`+other.URL+`/token"`))
		}
		own.Forget()
		other.Forget()
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		c := open(t, own, access.Options{PlainHTTP: true})
		access.StayHere(c)
		_, found, err := c.Repo.Manifests().FetchReference(ctx, "1")
		if err == nil {
			found.Close()
		}
		if ctx.Err() != nil {
			t.Error("it has not ended")
		}
		if err != nil && strings.Contains(access.Words(err.Error()), password) {
			t.Errorf("the password is in %q", err)
		}
		if words := access.Words(body); len(words) > 600 || strings.ContainsAny(words, "\x1b\n\r") {
			t.Errorf("of the body is shown %q", words)
		}
		for _, q := range other.Requests() {
			if strings.HasPrefix(q.Authorization, "Basic ") && !strings.Contains(strings.ToLower(challenge), "bearer") {
				t.Errorf("the other server was sent %+v", q)
			}
		}
	})
}
